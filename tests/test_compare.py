"""Paired comparison: finds a real difference, no false one, and is symmetric."""

import numpy as np
import pytest

from pipeline.compare import compare
from pipeline.task import Decisions, Head, Task

TASK = Task(name="t", codebook="1", heads={"side": Head(kind="one", labels=("a", "b", "c")),
                                           "topics": Head(kind="many", labels=("x", "y"))})


def answers(rng: np.random.Generator, gold: Decisions, right: float) -> Decisions:
    """Gold labels, each row replaced by a random one with probability 1 - right."""
    n = len(gold["side"])
    kept = rng.random(n) < right
    side = np.where(kept[:, None], gold["side"], np.eye(3, dtype=bool)[rng.integers(0, 3, n)])
    topics = np.where(kept[:, None], gold["topics"], rng.random((n, 2)) < 0.5)
    return {"side": side, "topics": topics}


@pytest.fixture
def gold() -> Decisions:
    rng = np.random.default_rng(1)
    return {"side": np.eye(3, dtype=bool)[rng.integers(0, 3, 600)], "topics": rng.random((600, 2)) < 0.5}


GROUPS = [str(i // 6) for i in range(600)]


def test_a_clearly_better_model_is_found_better(gold: Decisions) -> None:
    """90 against 60 percent right is significant on every head and label, and the interval lies above nought."""
    rng = np.random.default_rng(2)
    found = compare(TASK, gold, answers(rng, gold, 0.6), answers(rng, gold, 0.9), GROUPS)
    assert [(d.head, d.label) for d in found] == [("side", "macro"), ("side", "a"), ("side", "b"), ("side", "c"),
                                                  ("topics", "macro"), ("topics", "x"), ("topics", "y")]
    assert all(d.p_corrected < 0.01 and d.low > 0 and d.p_corrected >= d.p for d in found)


def test_equal_models_are_rarely_found_different(gold: Decisions) -> None:
    """Of thirty pairs of equally good models at most four differ at the 5% level on the macro-F1."""
    found = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        pair = answers(rng, gold, 0.7), answers(rng, gold, 0.7)
        found += compare(TASK, gold, *pair, GROUPS, resamples=300)[0].p < 0.05
    assert found <= 4


def test_a_model_does_not_differ_from_itself(gold: Decisions) -> None:
    """The same answers give difference 0 and p 1."""
    same = answers(np.random.default_rng(3), gold, 0.7)
    assert all((d.difference, d.p, d.low, d.high) == (0, 1, 0, 0) for d in compare(TASK, gold, same, same, GROUPS))


def test_order_turns_the_sign_only(gold: Decisions) -> None:
    """Comparing B with A mirrors the difference and its interval and keeps p."""
    rng = np.random.default_rng(4)
    a, b = answers(rng, gold, 0.7), answers(rng, gold, 0.75)
    there, back = compare(TASK, gold, a, b, GROUPS), compare(TASK, gold, b, a, GROUPS)
    for one, other in zip(there, back, strict=True):
        assert one.difference == pytest.approx(-other.difference)
        assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
        assert one.p == pytest.approx(other.p, abs=0.05)
