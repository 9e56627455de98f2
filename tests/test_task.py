"""Labels to arrays and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.errors import DataError
from pipeline.task import Head, Task, decide, encode_label, names

ONE = Head(kind="one", labels=("yes", "no", "maybe"))
MANY = Head(kind="many", labels=("a", "b", "c"))


def test_a_label_becomes_a_one_hot_row() -> None:
    """A one-of label is 1 in its place and 0 elsewhere."""
    assert encode_label(ONE, "answer", "no") == [0, 1, 0]


def test_votes_become_shares() -> None:
    """Vote counts of a one-of head are divided by their sum."""
    assert encode_label(ONE, "answer", {"yes": 3, "no": 1}) == [0.75, 0.25, 0]


@given(st.sets(st.sampled_from(MANY.labels)))
def test_many_labels_survive_the_round_trip(chosen: set[str]) -> None:
    """Any set of labels of a many-of head comes back as it went in."""
    task = Task(name="t", codebook="1", heads={"kinds": MANY})
    targets = {"kinds": np.array([encode_label(MANY, "kinds", sorted(chosen))])}
    assert names(task, decide(task, targets, {})) == {"kinds": [sorted(chosen)]}


@pytest.mark.parametrize(("head", "value", "message"), [
    (ONE, "pro", "answer 'pro' is not one of yes, no, maybe"),
    (ONE, ["yes", "no"], "answer ['yes', 'no'] must be exactly one label of yes, no, maybe"),
    (ONE, None, "answer None is not one of yes, no, maybe"),
    (ONE, {"pro": 1}, "answer 'pro' is not one of yes, no, maybe"),
    (ONE, {"yes": 0}, "answer {'yes': 0} has no vote for any of yes, no, maybe"),
    (ONE, {"yes": -1}, "answer votes for 'yes' are -1, not a number of 0 or more"),
    (MANY, ["a", "z"], "answer 'z' is not one of a, b, c"),
    (MANY, {"a": 2}, "answer shares {'a': 2} of a many-of head must lie between 0 and 1"),
])
def test_a_bad_label_is_named_with_what_was_allowed(head: Head, value: object, message: str) -> None:
    """The error shows the bad value and the allowed ones."""
    with pytest.raises(DataError) as error:
        encode_label(head, "answer", value)
    assert str(error.value) == message


def test_a_one_of_head_needs_two_labels() -> None:
    """One label is no question."""
    with pytest.raises(ValidationError, match="at least two labels"):
        Head(kind="one", labels=("yes",))


def test_thresholds_decide_many_of_heads() -> None:
    """A label counts from its threshold on; without thresholds from one half on."""
    task = Task(name="t", codebook="1", heads={"kinds": MANY})
    scores = {"kinds": np.array([[0.3, 0.5, 0.7]])}
    assert decide(task, scores, {})["kinds"].tolist() == [[False, True, True]]
    assert decide(task, scores, {"kinds": np.array([0.3, 0.6, 0.9])})["kinds"].tolist() == [[True, False, False]]
