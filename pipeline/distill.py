"""Distillation (Hinton et al. 2015): learn a trained teacher's probabilities beside, and beyond, the gold labels."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from pipeline.articles import Reject
from pipeline.errors import DataError
from pipeline.inputs import find_inputs, plan, read_chunk
from pipeline.model import Model
from pipeline.sentences import sentences_of
from pipeline.task import Examples, Scores, Sentence, Task


def soften(train: Examples, taught: Scores, share: float, unlabelled: Sequence[Sentence] = ()) -> Examples:
    """``train`` with targets moved by ``share`` toward the teacher's probabilities, and ``unlabelled`` with those alone.

    ``taught`` has a row for each sentence of ``train``, then for each of ``unlabelled``; where it is NaN, the teacher was
    not asked and gold stays. Unlabelled sentences weigh ``share`` each: what the teacher alone says counts as much as its
    part in a gold row.
    """
    count = len(train.sentences)
    targets = {}
    for name, gold in train.targets.items():
        mixed = (1 - share) * gold + share * taught[name][:count]
        targets[name] = np.concatenate([np.where(np.isnan(mixed), gold, mixed), taught[name][count:]])
    weights = np.concatenate([train.weights, np.full(len(unlabelled), share)])
    return Examples([*train.sentences, *unlabelled], targets, weights, [*train.groups, *(s.article for s in unlabelled)])


def write_answers(path: Path, teacher: Model, sentences: Sequence[Sentence]) -> None:
    """Keep the teacher's probabilities of ``sentences``: a student can then be trained where the teacher is not.

    The first JSON line names task and teacher; then a line a sentence: a digest of text and context, and the
    probabilities of every head's labels in the task's order.
    """
    taught = teacher.predict_proba(list(sentences))
    with path.open("w", encoding="utf-8") as out:
        out.write(json.dumps({"task": teacher.task.name, "teacher": teacher.id}) + "\n")
        for i, sentence in enumerate(sentences):
            said = {name: [round(float(p), 3) for p in taught[name][i]] for name in teacher.task.heads}
            out.write(json.dumps({"of": _digest(sentence), **said}) + "\n")


def read_answers(path: Path, task: Task, sentences: Sequence[Sentence]) -> Scores:
    """What ``write_answers`` kept of ``sentences``, shape (n, labels) a head; NaN for those it was not asked about.

    Of another task's teacher, all are NaN. Raises DataError where there is no file, and for a line that is no such answer.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; 'stance teach' writes one; without the key 'teacher' none is needed")
    places: dict[str, list[int]] = {}
    for at, sentence in enumerate(sentences):
        places.setdefault(_digest(sentence), []).append(at)
    answers = {name: np.full((len(sentences), len(head.labels)), np.nan) for name, head in task.heads.items()}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                if number == 1:
                    if row["task"] != task.name:
                        break
                    continue
                for name in task.heads if row["of"] in places else ():
                    answers[name][places[row["of"]]] = row[name]
                    if not 0 <= min(row[name]) <= max(row[name]) <= 1:
                        raise ValueError
            except (ValueError, KeyError, TypeError):
                raise DataError(f"{path}:{number}: {line[:80].strip()!r} is not a teacher's answer; 'stance teach' writes "
                                f"'of' and the probabilities of {', '.join(task.heads)}, after a line with 'task'") from None
    return answers


def _digest(sentence: Sentence) -> str:
    return hashlib.sha256(f"{sentence.text}\0{sentence.context}".encode()).hexdigest()[:16]


def read_unlabelled(inputs: Iterable[str], held_out: Iterable[Sentence], spool: Path) -> list[Sentence]:
    """Distinct sentences of the articles behind ``inputs``, without those that a model will be judged on.

    Raises DataError when an article cannot be read: what is learned from must not silently shrink.
    """
    seen = {sentence.text for sentence in held_out}
    found: list[Sentence] = []
    chunks, rejects = plan(find_inputs(list(inputs)), spool)
    for chunk in chunks:
        for item in read_chunk(chunk, {}):
            if isinstance(item, Reject):
                rejects.append(item)
                continue
            for sentence in sentences_of(item):
                if sentence.text not in seen:
                    seen.add(sentence.text)
                    found.append(sentence)
    if rejects:
        raise DataError(f"{rejects[0].source}: row {rejects[0].row}: {rejects[0].reason} ({len(rejects)} in all)")
    return found
