"""Distillation: targets move toward the teacher, unlabelled text joins, held-out text does not."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.calibrate import Calibration
from pipeline.classifiers.transformer import TransformerConfig
from pipeline.corpus import read_corpus
from pipeline.distill import read_unlabelled, soften
from pipeline.errors import DataError
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
    soft = soften(train, TEACHER, 0.5, [Sentence("y", article="u")])
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
    taught = _taught(config, read_corpus([tmp_path / "d.jsonl"], TASK))
    assert [s.text for s in taught.sentences] == ["Row 0.", "Something new."]
    np.testing.assert_allclose(taught.targets["side"], [[0.8, 0.2], [0.6, 0.4]])
