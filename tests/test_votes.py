"""Targets that remember how annotators voted."""

from typing import Any

import numpy as np
import pytest

from pipeline.corpus import Row, to_examples
from pipeline.errors import DataError
from pipeline.task import Head, Sentence, Task
from pipeline.votes import heed_votes

TASK = Task(name="t", codebook="1", heads={"side": Head(kind="one", labels=("a", "b")),
                                           "topics": Head(kind="many", labels=("x", "y"))})


def row(*notes: dict[str, Any]) -> Row:
    return Row("f:1", Sentence("S."), {"side": [1.0, 0.0], "topics": [1.0, 0.0]}, "e", "train", annotations=notes)


def heeded(rows: list[Row], share: float) -> dict[str, list[list[float]]]:
    moved = heed_votes(TASK, to_examples(TASK, rows), rows, share)
    return {name: values.tolist() for name, values in moved.targets.items()}


def test_a_share_of_the_target_is_the_votes() -> None:
    """Two annotators who differ leave half of the share on each label; topics are shares of their own."""
    rows = [row({"by": "1", "side": "a", "topics": ["x"]}, {"by": "2", "side": "b", "topics": ["x", "y"]})]
    assert heeded(rows, 0.5) == {"side": [[0.75, 0.25]], "topics": [[1.0, 0.25]]}
    assert heeded(rows, 0.0) == {"side": [[1.0, 0.0]], "topics": [[1.0, 0.0]]}


def test_rows_without_votes_stay_and_rows_still_sum_to_one() -> None:
    """A row that nobody else annotated, or annotated on one head only, keeps its other targets."""
    rows = [row(), row({"by": "1", "side": "b"})]
    found = heeded(rows, 1.0)
    assert found["side"] == [[1.0, 0.0], [0.0, 1.0]]
    assert found["topics"] == [[1.0, 0.0], [1.0, 0.0]]
    assert np.allclose(np.sum(found["side"], axis=1), 1)


def test_the_given_examples_are_not_changed() -> None:
    """Softened targets are new arrays; the corpus keeps its gold labels."""
    rows = [row({"by": "1", "side": "b"})]
    examples = to_examples(TASK, rows)
    heed_votes(TASK, examples, rows, 1.0)
    assert examples.targets["side"].tolist() == [[1.0, 0.0]]


def test_a_vote_for_an_unknown_label_is_named() -> None:
    """The bad label and the allowed ones stand in the error."""
    with pytest.raises(DataError, match=r"^f:1: annotations: side 'c' .*a.*b"):
        heeded([row({"by": "1", "side": "c"})], 0.5)
