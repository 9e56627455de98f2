"""Distillation: targets move toward the teacher, unlabelled text joins, held-out text does not."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.calibrate import Calibration
from pipeline.classifiers.transformer import TransformerConfig
from pipeline.corpus import read_corpus
from pipeline.distill import read_answers, read_unlabelled, soften, write_answers
from pipeline.errors import ConfigError, DataError
from pipeline.model import Model
from pipeline.task import Examples, Head, Scores, Sentence, Task
from pipeline.train import _taught

TASK = Task(name="t", codebook="1", heads={"side": Head(kind="one", labels=("a", "b"))})


class Half:
    """A teacher that always says 0.6 to 0.4."""

    def predict_proba(self, sentences: list[Sentence]) -> Scores:
        return {"side": np.tile([0.6, 0.4], (len(sentences), 1))}


TEACHER = Model("t", TASK, None, Half(), Calibration(), {}, {}, "")  # type: ignore[arg-type]


def test_targets_move_by_the_share_and_unlabelled_text_takes_the_teachers_word() -> None:
    """With share 0.5 a gold (0, 1) becomes (0.3, 0.7); an unlabelled sentence gets (0.6, 0.4) at weight 0.5."""
    train = Examples([Sentence("x", article="g")], {"side": np.array([[0.0, 1.0]])}, np.ones(1), ["g"])
    soft = soften(train, {"side": np.array([[0.6, 0.4], [0.6, 0.4]])}, 0.5, [Sentence("y", article="u")])
    np.testing.assert_allclose(soft.targets["side"], [[0.3, 0.7], [0.6, 0.4]])
    assert soft.weights.tolist() == [1, 0.5]
    assert soft.groups == ["g", "u"]


def test_held_out_sentences_are_not_learned_from(tmp_path: Path) -> None:
    """A sentence of the test split that occurs in the unlabelled articles is left out, and so are repeats."""
    (tmp_path / "a.txt").write_text("It rained. The judge ruled. It rained.")
    found = read_unlabelled([str(tmp_path / "a.txt")], [Sentence("The judge ruled.")], tmp_path / "spool")
    assert [sentence.text for sentence in found] == ["It rained."]


def test_an_unreadable_article_stops_the_training(tmp_path: Path) -> None:
    """What cannot be read is named, not skipped."""
    (tmp_path / "a.txt").write_bytes(b"")
    with pytest.raises(DataError, match=r"a.txt: row 0: empty file"):
        read_unlabelled([str(tmp_path / "a.txt")], [], tmp_path / "spool")


def test_a_student_is_trained_on_what_the_teacher_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration that names a teacher gets softened targets, with the unlabelled articles among the sentences."""
    rows = [{"text": f"Row {i}.", "side": "a", "split": split} for i, split in enumerate(("train", "valid", "test"))]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "more.txt").write_text("Row 2. Something new.")
    monkeypatch.setattr("pipeline.train.load_model", lambda folder: TEACHER)
    config = TransformerConfig(teacher="models/any", teacher_share=0.5, unlabelled=(str(tmp_path / "more.txt"),))
    taught, asked = _taught(config, read_corpus([tmp_path / "d.jsonl"], TASK))
    assert asked == 1
    assert [s.text for s in taught.sentences] == ["Row 0.", "Something new."]
    np.testing.assert_allclose(taught.targets["side"], [[0.8, 0.2], [0.6, 0.4]])


def test_a_student_learns_from_answers_that_were_kept(tmp_path: Path) -> None:
    """Without the teacher: its answers come from a file, and a sentence that it was not asked about keeps its gold."""
    splits = ("train", "train", "valid", "test")
    rows = [{"text": f"Row {i}.", "side": "b", "split": split} for i, split in enumerate(splits)]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    corpus = read_corpus([tmp_path / "d.jsonl"], TASK)
    write_answers(tmp_path / "answers.jsonl", TEACHER, corpus.examples("train").sentences[:1])
    taught, asked = _taught(TransformerConfig(teacher=str(tmp_path / "answers.jsonl"), teacher_share=0.5), corpus)
    np.testing.assert_allclose(taught.targets["side"], [[0.3, 0.7], [0.0, 1.0]])
    assert asked == 0.5
    with pytest.raises(ConfigError, match=r"is a file of answers, so nothing is known of the unlabelled articles more\.txt"):
        _taught(TransformerConfig(teacher=str(tmp_path / "answers.jsonl"), unlabelled=("more.txt",)), corpus)


def test_an_exchange_of_names_leaves_the_teachers_answer(tmp_path: Path) -> None:
    """The teacher was asked about the sentence as written, and its answer holds for the sentence with other names."""
    rows = [{"text": f"Ann met {i} people.", "side": "b", "split": "train"} for i in range(8)]
    rows += [{"text": f"Row {split}.", "side": "a", "split": split} for split in ("valid", "test")]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "swaps.yaml").write_text(f"task: {TASK.name}\ngroups: {{people: [[Ann], [Bob]]}}")
    corpus = read_corpus([tmp_path / "d.jsonl"], TASK)
    write_answers(tmp_path / "answers.jsonl", TEACHER, corpus.examples("train").sentences)
    config = TransformerConfig(teacher=str(tmp_path / "answers.jsonl"), swaps=str(tmp_path / "swaps.yaml"))
    taught, asked = _taught(config, corpus)
    assert any(s.text.startswith("Bob") for s in taught.sentences)
    assert asked == 1


def test_a_file_of_answers_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The error names the file and what writes one, and does not look for a model there."""
    (tmp_path / "d.jsonl").write_text('{"text": "Row.", "side": "a", "split": "train"}\n')
    corpus = read_corpus([tmp_path / "d.jsonl"], TASK)
    with pytest.raises(DataError, match=r"none\.jsonl: no such file; 'stance teach' writes one"):
        _taught(TransformerConfig(teacher=str(tmp_path / "none.jsonl")), corpus)


def test_another_tasks_answers_are_not_learned(tmp_path: Path) -> None:
    """Answers belong to the task that their first line names; under another one, gold stays."""
    write_answers(tmp_path / "answers.jsonl", TEACHER, [Sentence("Row 0.")])
    other = Task(name="other", codebook="1", heads=TASK.heads)
    assert np.isnan(read_answers(tmp_path / "answers.jsonl", other, [Sentence("Row 0.")])["side"]).all()


@pytest.mark.parametrize("line", ["{", "[1]", "{}", '{"of": "OF"}', '{"of": "OF", "side": [1, 0, 0]}',
                                  '{"of": "OF", "side": "a"}', '{"of": "OF", "side": [5, 0]}'])
def test_a_line_that_is_no_answer_is_named(tmp_path: Path, line: str) -> None:
    """The error names file and line, shows the line and says what was expected."""
    file = tmp_path / "answers.jsonl"
    write_answers(file, TEACHER, [Sentence("x")])
    first, answer = file.read_text().splitlines()
    file.write_text(f"{first}\n{line.replace('OF', json.loads(answer)['of'])}\n")
    with pytest.raises(DataError, match=r"answers\.jsonl:2: .* is not a teacher's answer; 'stance teach' writes 'of'"):
        read_answers(file, TASK, [Sentence("x")])
