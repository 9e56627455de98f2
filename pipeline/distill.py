"""Distillation (Hinton et al. 2015): learn a trained teacher's probabilities beside, and beyond, the gold labels."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from pipeline.articles import Reject
from pipeline.errors import DataError
from pipeline.inputs import find_inputs, plan, read_chunk
from pipeline.model import Model
from pipeline.sentences import sentences_of
from pipeline.task import Examples, Sentence


def soften(train: Examples, teacher: Model, share: float, unlabelled: Sequence[Sentence] = ()) -> Examples:
    """``train`` with targets moved by ``share`` toward the teacher's probabilities, and ``unlabelled`` with those alone.

    Unlabelled sentences weigh ``share`` each: what the teacher alone says counts as much as its part in a gold row.
    """
    sentences = [*train.sentences, *unlabelled]
    taught = teacher.predict_proba(sentences)
    count = len(train.sentences)
    targets = {name: np.concatenate([(1 - share) * gold + share * taught[name][:count], taught[name][count:]])
               for name, gold in train.targets.items()}
    weights = np.concatenate([train.weights, np.full(len(unlabelled), share)])
    return Examples(sentences, targets, weights, [*train.groups, *(s.article for s in unlabelled)])


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
