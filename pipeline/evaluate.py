"""Judging: pure functions on arrays. Metrics, cluster-bootstrap intervals, calibration, thresholds, uncertainty."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from pipeline.task import (
    BoolArray,
    Decisions,
    FloatArray,
    Head,
    Scores,
    Targets,
    Task,
    Thresholds,
    confidence,
    decide,
    encode_label,
)

Metrics = dict[str, float]
#: Resamples behind each interval.
RESAMPLES = 1000
#: Sentences below which a genre, voice, region or year says nothing.
SMALLEST_SLICE = 30
#: Share of the way from the plain rule to the cut that is best on valid.
SHRINK = 0.5


def hard(task: Task, targets: Targets) -> Decisions:
    """Gold labels from targets: the label with most votes (one-of), those with at least half (many-of)."""
    return decide(task, targets, {})


def judge(task: Task, targets: Targets, scores: Scores, thresholds: Thresholds, groups: Sequence[str],
          seed: int = 0) -> Metrics:
    """All metrics of one model on one labelled set, flat, headline first.

    ``<head>/macro_f1``, ``<head>/<label>/f1`` and so on, with ``_low`` and ``_high`` for 95% intervals of the F1s by a
    bootstrap that resamples whole groups (articles): Davison & Hinkley 1997, Bootstrap Methods, section 3.8.
    """
    gold, decided = hard(task, targets), decide(task, scores, thresholds)
    out: Metrics = {}
    for name, head in task.heads.items():
        y, p, s = gold[name], decided[name], scores[name]
        counts = group_counts(y, p, groups)
        low, high = interval(counts, seed)
        total = counts.sum(0)
        per_label = f1(total)
        precision, recall = precision_recall(total)
        out[f"{name}/macro_f1"] = float(np.mean(per_label))
        out[f"{name}/macro_f1_low"], out[f"{name}/macro_f1_high"] = low[-1], high[-1]
        out[f"{name}/accuracy"] = float((y == p).all(1).mean())
        if head.kind == "one":
            out[f"{name}/alpha"] = alpha(y.argmax(1), p.argmax(1))
        out[f"{name}/ece"] = calibration_error(head.kind == "one", y, s)
        out[f"{name}/brier"] = float(((s - y) ** 2).sum(1).mean() if head.kind == "one" else ((s - y) ** 2).mean())
        for i, label in enumerate(head.labels):
            key = f"{name}/{label}"
            out[f"{key}/f1"], out[f"{key}/f1_low"], out[f"{key}/f1_high"] = float(per_label[i]), low[i], high[i]
            out[f"{key}/precision"], out[f"{key}/recall"] = float(precision[i]), float(recall[i])
            if y[:, i].sum() > 0:
                out[f"{key}/average_precision"] = float(average_precision_score(y[:, i], s[:, i]))
            out[f"{key}/alpha"] = alpha(y[:, i], p[:, i])
            out[f"{key}/count"] = float(y[:, i].sum())
    out["sentences"] = float(len(groups))
    return out


def alpha(gold: NDArray[Any], decided: NDArray[Any]) -> float:
    """Krippendorff's nominal alpha of model against gold: the measure annotators are held to. 1 where all is one value."""
    import krippendorff

    if len(np.unique(np.concatenate([gold, decided]))) < 2:
        return 1.0
    pair = np.stack([gold, decided]).astype(float)
    return float(krippendorff.alpha(reliability_data=pair, level_of_measurement="nominal"))


def with_interval(metrics: Mapping[str, float], name: str) -> str:
    """A metric for people, with its 95% interval where it has one; a dash where there is no such metric."""
    if name not in metrics:
        return "-"
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    return f"{metrics[name]:.3f}" + (f" ({low:.3f} to {high:.3f})" if low is not None and high is not None else "")


def labels_of(head: Head, rows: Sequence[Mapping[str, Any]], column: str) -> BoolArray:
    """A column of labels in a table of predictions as booleans, shape (rows, labels)."""
    return np.array([encode_label(head, column, row[column]) for row in rows]) > 0


def group_counts(gold: BoolArray, decided: BoolArray, groups: Sequence[str]) -> FloatArray:
    """True positives, false positives and false negatives of every label in every group: shape (groups, 3, labels)."""
    _, at = np.unique(np.asarray(groups), return_inverse=True)
    cells = np.stack([gold & decided, ~gold & decided, gold & ~decided], axis=1).astype(float)
    counts = np.zeros((at.max() + 1 if len(at) else 0, 3, gold.shape[1]))
    np.add.at(counts, at, cells)
    return counts


def f1(counts: FloatArray) -> FloatArray:
    """F1 a label from counts of shape (..., 3, labels): 2tp / (2tp + fp + fn), and 0 where nothing is there to find."""
    tp, wrong = counts[..., 0, :], counts[..., 1, :] + counts[..., 2, :]
    return np.asarray(np.divide(2 * tp, 2 * tp + wrong, out=np.zeros_like(tp), where=(tp + wrong) > 0))


def precision_recall(counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Precision and recall a label from counts of shape (3, labels); 0 where undefined."""
    tp, fp, fn = counts
    return (np.divide(tp, tp + fp, out=np.zeros_like(tp), where=tp + fp > 0),
            np.divide(tp, tp + fn, out=np.zeros_like(tp), where=tp + fn > 0))


def draws(groups: int, seed: int, resamples: int = RESAMPLES) -> FloatArray:
    """How often each group is drawn in each resample, shape (resamples, groups)."""
    return np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=resamples).astype(float)


def interval(counts: FloatArray, seed: int) -> tuple[list[float], list[float]]:
    """95% percentile interval of each label's F1 and, last, of the macro-F1."""
    if not len(counts):
        zeros = [0.0] * (counts.shape[2] + 1)
        return zeros, zeros
    flat = counts.reshape(len(counts), -1)
    sampled = f1((draws(len(counts), seed) @ flat).reshape(-1, *counts.shape[1:]))
    values = np.column_stack([sampled, sampled.mean(1)])
    low, high = np.percentile(values, [2.5, 97.5], axis=0)
    return low.tolist(), high.tolist()


def calibration_error(one_of: bool, gold: BoolArray, scores: FloatArray, bins: int = 15) -> float:
    """Expected calibration error over equal-width bins (Guo et al. 2017), of the top label or over all labels."""
    if one_of:
        sure = scores.max(1)
        right = gold[np.arange(len(gold)), scores.argmax(1)]
    else:
        sure, right = scores.ravel(), gold.ravel()
    at = np.minimum((sure * bins).astype(int), bins - 1)
    size = np.bincount(at, minlength=bins)
    gap = np.abs(np.bincount(at, weights=sure, minlength=bins) - np.bincount(at, weights=right, minlength=bins))
    return float(gap.sum() / max(size.sum(), 1))


def best_thresholds(task: Task, targets: Targets, scores: Scores) -> Thresholds:
    """Thresholds of every label that give the best F1 (many-of) or macro-F1 (one-of) on held-out rows, drawn half-way back.

    The best cut depends on how common a label is, and real news will differ from the held-out rows in that; half-way
    between the best cut here and the plain rule (0.5, or the largest) most of the gain is kept and less can be lost.
    """
    gold = hard(task, targets)
    return {name: _best_weights(gold[name], scores[name]) ** SHRINK if head.kind == "one" else
            0.5 + SHRINK * (np.array([_best(gold[name][:, i], scores[name][:, i]) for i in range(len(head.labels))]) - 0.5)
            for name, head in task.heads.items()}


def _best(gold: BoolArray, score: FloatArray) -> float:
    """Smoothed over neighbouring thresholds, so that one lucky sentence does not decide; the middle one of equals."""
    if not gold.any():
        return 0.5
    grid = np.linspace(0.1, 0.9, 81)
    above = score[:, None] >= grid
    counts = np.stack([(gold[:, None] & above).sum(0), (~gold[:, None] & above).sum(0), (gold[:, None] & ~above).sum(0)])
    smooth = np.convolve(np.pad(f1(counts.astype(float)), 5, mode="edge"), np.full(11, 1 / 11), mode="valid")
    best = np.flatnonzero(smooth >= smooth.max() - 1e-9)
    return float(grid[best[len(best) // 2]])


def _best_weights(gold: BoolArray, scores: FloatArray) -> FloatArray:
    """One label after the other, the divisor of its probability that gives the best macro-F1; two rounds.

    Averaged over neighbouring divisors, for the same reason as above. The last label's stays 1: only ratios matter.
    """
    chosen = np.ones(gold.shape[1])
    grid = np.exp(np.linspace(-1.2, 1.2, 49))
    for label in [*range(gold.shape[1] - 1)] * 2:
        values = []
        for divisor in grid:
            chosen[label] = divisor
            guess = np.eye(len(chosen), dtype=bool)[(scores / chosen).argmax(1)]
            values.append(f1(np.stack([(gold & guess).sum(0), (~gold & guess).sum(0), (gold & ~guess).sum(0)])
                             .astype(float)).mean())
        smooth = np.convolve(np.pad(values, 4, mode="edge"), np.full(9, 1 / 9), mode="valid")
        best = np.flatnonzero(smooth >= smooth.max() - 1e-9)
        chosen[label] = grid[best[len(best) // 2]]
    return chosen


def risk_coverage(sure: FloatArray, right: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Coverage and accuracy when only the ``k`` surest sentences are answered, for every k (El-Yaniv & Wiener 2010)."""
    order = np.argsort(-sure, kind="stable")
    answered = np.arange(1, len(sure) + 1)
    return answered / len(sure), np.cumsum(right[order]) / answered


def certainty_limits(task: Task, targets: Targets, scores: Scores, thresholds: Thresholds,
                     wanted: Mapping[str, float]) -> dict[str, float]:
    """Per head, the least confidence from which on the answered sentences reach the ``wanted`` accuracy."""
    gold, decided = hard(task, targets), decide(task, scores, thresholds)
    limits = {}
    for name, head in task.heads.items():
        if name not in wanted or not len(gold[name]):
            continue
        sure = confidence(head, scores[name])
        _, accuracy = risk_coverage(sure, (gold[name] == decided[name]).all(1))
        enough = np.flatnonzero(accuracy >= wanted[name])
        limits[name] = float(np.sort(sure)[::-1][enough[-1]]) if len(enough) else 1.0
    return limits

