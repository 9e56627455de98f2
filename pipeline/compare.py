"""Two models on the same sentences: the difference, its interval, and how easily chance alone makes one as large."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control

from pipeline.evaluate import f1, group_counts
from pipeline.task import Decisions, FloatArray, Task

#: Resamples of the bootstrap and shuffles of the permutation test.
RESAMPLES = 2000
#: Numbers held at once while resampling: bounds memory at any size of the data.
_CELLS = 20_000_000


@dataclass(frozen=True)
class Difference:
    """F1 of two models on a head (macro) or a label, ``b`` minus ``a`` with its 95% interval, and p values.

    ``p`` is of the two-sided permutation test; ``p_corrected`` is corrected over everything compared at once.
    """

    head: str
    label: str
    a: float
    b: float
    low: float
    high: float
    p: float
    p_corrected: float

    @property
    def difference(self) -> float:
        return self.b - self.a


def compare(task: Task, gold: Decisions, a: Decisions, b: Decisions, groups: Sequence[str],
            seed: int = 0, resamples: int = RESAMPLES) -> list[Difference]:
    """Macro-F1 of every head and F1 of every label of two models that answered the same sentences.

    Intervals: percentile bootstrap of the paired difference that resamples whole groups (articles). p values:
    approximate randomisation that swaps the two models' answers group by group (Noreen 1989; Yeh 2000), corrected by
    Benjamini and Hochberg (1995) over all heads and labels.
    """
    found: list[tuple[str, str, float, float, float, float, float]] = []
    for name, head in task.heads.items():
        of_a, of_b = (group_counts(gold[name], decided[name], groups) for decided in (a, b))
        f1_a, f1_b = _with_macro(of_a.sum(0)), _with_macro(of_b.sum(0))
        low, high = np.percentile(_resampled(of_a, of_b, seed, resamples), [2.5, 97.5], axis=0)
        chance = np.abs(_shuffled(of_a, of_b, seed, resamples)) >= np.abs(f1_b - f1_a) - 1e-12
        p = (1 + chance.sum(0)) / (1 + resamples)
        found += [(name, label, *row) for label, *row in zip(
            ("macro", *head.labels), *(x.tolist() for x in (f1_a, f1_b, low, high, p)), strict=True)]
    corrected = false_discovery_control([row[-1] for row in found])
    return [Difference(*row, float(value)) for row, value in zip(found, corrected, strict=True)]


def _resampled(a: FloatArray, b: FloatArray, seed: int, resamples: int) -> FloatArray:
    """Differences, shape (resamples, 1 + labels), over groups drawn with replacement."""
    rng = np.random.default_rng(seed)
    flat_a, flat_b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    out = []
    for size in _steps(len(a), resamples):
        drawn = rng.multinomial(len(a), np.full(len(a), 1 / len(a)), size=size).astype(np.float32)
        out.append(_with_macro((drawn @ flat_b).reshape(-1, *b.shape[1:]))
                   - _with_macro((drawn @ flat_a).reshape(-1, *a.shape[1:])))
    return np.concatenate(out)


def _shuffled(a: FloatArray, b: FloatArray, seed: int, resamples: int) -> FloatArray:
    """Differences, shape (resamples, 1 + labels), with the two models' answers swapped in a random half of the groups."""
    rng = np.random.default_rng(seed + 1)
    delta = (a - b).reshape(len(a), -1)
    out = []
    for size in _steps(len(a), resamples):
        swapped = ((rng.random((size, len(a)), dtype=np.float32) < 0.5).astype(np.float32) @ delta).reshape(-1, *a.shape[1:])
        out.append(_with_macro(b.sum(0) + swapped) - _with_macro(a.sum(0) - swapped))
    return np.concatenate(out)


def _steps(groups: int, resamples: int) -> Iterator[int]:
    step = max(1, min(resamples, _CELLS // max(groups, 1)))
    for start in range(0, resamples, step):
        yield min(step, resamples - start)


def _with_macro(counts: FloatArray) -> FloatArray:
    """Macro-F1, then the F1 of each label, on the last axis."""
    values = f1(counts)
    return np.concatenate([values.mean(-1, keepdims=True), values], axis=-1)
