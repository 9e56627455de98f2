"""Judging: known answers, intervals that cover, calibration and thresholds that do what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from pipeline.calibrate import fit_calibration
from pipeline.evaluate import (
    alpha,
    best_thresholds,
    calibration_error,
    certainty_limits,
    f1,
    group_counts,
    interval,
    judge,
    risk_coverage,
)
from pipeline.task import Head, Scores, Targets, Task

TASK = Task(name="t", codebook="1", heads={"side": Head(kind="one", labels=("a", "b", "c")),
                                           "topics": Head(kind="many", labels=("x", "y"))})


def sample(n: int, seed: int = 0, sharpen: float = 1.0) -> tuple[Targets, Scores]:
    """Scores with gold labels drawn from them, so that the scores are calibrated; ``sharpen`` spoils that."""
    rng = np.random.default_rng(seed)
    side, topics = rng.dirichlet([1, 1, 1], n), rng.random((n, 2))
    gold_side = np.eye(3)[[rng.choice(3, p=p) for p in side]]
    gold_topics = (rng.random((n, 2)) < topics).astype(float)
    side = side**sharpen / (side**sharpen).sum(1, keepdims=True)
    topics = topics**sharpen / (topics**sharpen + (1 - topics)**sharpen)
    return {"side": gold_side, "topics": gold_topics}, {"side": side, "topics": topics}


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
def test_f1_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    """F1 from counts by group equals the library's on the same answers."""
    gold, guess = (np.eye(3, dtype=bool)[list(column)] for column in zip(*pairs, strict=True))
    counts = group_counts(gold, guess, [str(i % 4) for i in range(len(pairs))]).sum(0)
    expected = f1_score(gold.argmax(1), guess.argmax(1), labels=[0, 1, 2], average=None, zero_division=0)
    np.testing.assert_allclose(f1(counts), expected)


def test_perfect_scores_are_judged_perfect() -> None:
    """A model that is always right and sure has F1, alpha and accuracy 1 and no calibration error."""
    targets, _ = sample(60)
    metrics = judge(TASK, targets, targets, {}, [str(i // 3) for i in range(60)])
    assert next(iter(metrics)) == "side/macro_f1"
    for name in ("side/macro_f1", "topics/macro_f1", "side/accuracy", "side/alpha", "side/macro_f1_low", "topics/x/f1"):
        assert metrics[name] == 1
    assert metrics["side/ece"] == metrics["side/brier"] == 0


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Of 60 samples at least 50 have a 95% interval around the F1 of a very large sample."""
    covered, truth = 0, None
    for seed in range(61):
        targets, scores = sample(20_000 if seed == 0 else 300, seed)
        gold, guess = targets["topics"] > 0.5, scores["topics"] >= 0.5
        counts = group_counts(gold, guess, [str(i // 3) for i in range(len(gold))])
        if truth is None:
            truth = f1(counts.sum(0))[0]
        else:
            low, high = interval(counts, seed)
            covered += low[0] <= truth <= high[0]
    assert covered >= 50


def test_intervals_of_clustered_errors_are_wider() -> None:
    """Errors that come by whole articles leave more doubt than the same errors strewn about."""
    gold = np.ones((400, 1), dtype=bool)
    guess = np.repeat(np.arange(40) % 4 > 0, 10)[:, None]
    by_article = interval(group_counts(gold, guess, [str(i // 10) for i in range(400)]), 0)
    by_sentence = interval(group_counts(gold, guess, [str(i) for i in range(400)]), 0)
    assert by_article[1][0] - by_article[0][0] > 1.5 * (by_sentence[1][0] - by_sentence[0][0])


def test_calibration_mends_what_is_too_sure() -> None:
    """Scores sharpened threefold have a large calibration error; the fitted map brings it near nought on new data."""
    targets, scores = sample(3000, 1, sharpen=3)
    calibration = fit_calibration(TASK, targets, scores)
    new_targets, new_scores = sample(3000, 2, sharpen=3)
    mapped = calibration.apply(TASK, new_scores)
    for name, one_of in (("side", True), ("topics", False)):
        before = calibration_error(one_of, new_targets[name] > 0.5, new_scores[name])
        after = calibration_error(one_of, new_targets[name] > 0.5, mapped[name])
        assert before > 0.1
        assert after < 0.04
    np.testing.assert_allclose(mapped["side"].sum(1), 1)


def test_thresholds_find_the_better_cut() -> None:
    """Where scores run low, the threshold moves toward the cut that maximises F1."""
    rng = np.random.default_rng(3)
    gold = rng.random((500, 2)) < 0.3
    scores = np.clip(np.where(gold, 0.35, 0.15) + rng.normal(0, 0.03, gold.shape), 0, 1)
    targets = {"side": np.eye(3)[np.zeros(500, dtype=int)], "topics": gold.astype(float)}
    chosen = best_thresholds(TASK, targets, {"side": targets["side"], "topics": scores})["topics"]
    assert ((chosen > 0.35) & (chosen < 0.4)).all()  # half-way between 0.5 and about 0.25


def test_a_rare_label_gets_its_due() -> None:
    """Where a rare label is never the most probable, divisors chosen for macro-F1 let it win, and help on new rows."""
    def rows(seed: int) -> tuple[Targets, Scores]:
        rng = np.random.default_rng(seed)
        label = rng.choice(3, 2000, p=[0.1, 0.2, 0.7])
        logits = np.log([0.1, 0.2, 0.7]) + 1.2 * np.eye(3)[label] + rng.normal(0, 0.6, (2000, 3))
        side = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        return {"side": np.eye(3)[label], "topics": np.zeros((2000, 2))}, {"side": side, "topics": np.zeros((2000, 2))}

    chosen = best_thresholds(TASK, *rows(1))
    targets, scores = rows(2)
    groups = [str(i) for i in range(2000)]
    plain, better = (judge(TASK, targets, scores, thresholds, groups)["side/macro_f1"] for thresholds in ({}, chosen))
    assert better > plain + 0.015


def test_certain_rows_reach_the_accuracy_that_was_asked_for() -> None:
    """Rows at or above the limit are right as often as wanted, and the limit is not needlessly high."""
    targets, scores = sample(4000, 4)
    limit = certainty_limits(TASK, targets, scores, {}, {"side": 0.8})["side"]
    new_targets, new_scores = sample(4000, 5)
    sure = new_scores["side"].max(1) >= limit
    right = new_targets["side"].argmax(1) == new_scores["side"].argmax(1)
    assert right[sure].mean() == pytest.approx(0.8, abs=0.04)
    assert sure.mean() > 0.2


def test_an_accuracy_out_of_reach_leaves_no_row_certain() -> None:
    """When no share of the rows is right often enough, the limit is 1."""
    targets = {"side": np.eye(3)[[0, 1]], "topics": np.zeros((2, 2))}
    wrong = {"side": np.eye(3)[[1, 0]] * 0.8 + 0.1 / 1.5, "topics": np.zeros((2, 2))}
    assert certainty_limits(TASK, targets, wrong, {}, {"side": 0.9}) == {"side": 1.0}


def test_risk_coverage_ends_at_the_accuracy_of_all() -> None:
    """At full coverage the accuracy is that of all rows."""
    coverage, accuracy = risk_coverage(np.array([0.9, 0.5, 0.7]), np.array([True, False, True]))
    assert coverage.tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    assert accuracy.tolist() == pytest.approx([1, 1, 2 / 3])


def test_alpha_is_one_for_equal_answers_and_low_for_chance() -> None:
    """Equal answers agree fully, random ones hardly."""
    rng = np.random.default_rng(6)
    gold = rng.integers(0, 3, 900)
    assert alpha(gold, gold) == 1
    assert abs(alpha(gold, rng.integers(0, 3, 900))) < 0.1
