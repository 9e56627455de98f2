"""How common a label is: counted, with an interval over articles, and corrected for the model's measured confusion."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from pipeline.task import FloatArray, Head

RESAMPLES = 500


@dataclass(frozen=True)
class Prevalence:
    """Share of a label, raw and corrected, each with its 95% interval; corrected is None without a confusion matrix."""

    label: str
    raw: tuple[float, float, float]
    corrected: tuple[float, float, float] | None


def prevalences(head: Head, counts: FloatArray, totals: FloatArray, confusion: FloatArray | None,
                seed: int = 0) -> list[Prevalence]:
    """Shares of the labels of ``head``: ``counts`` (articles, labels) among ``totals`` (articles,) sentences.

    Intervals resample articles. The correction solves "what is counted = confusion x what is there" for a distribution:
    the adjusted count of Forman (2008), for two classes the estimator of Rogan and Gladen (1978); its interval resamples
    the rows of the confusion matrix as well. ``confusion`` is gold by predicted, (labels, labels) for a one-of head and
    (labels, 2, 2), absent before present, for a many-of head.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(totals), np.full(len(totals), 1 / len(totals)), size=RESAMPLES) if len(totals) else None
    if drawn is None or not totals.sum():
        return [Prevalence(label, (0.0, 0.0, 0.0), None) for label in head.labels]
    raw = counts.sum(0) / totals.sum()
    sampled = (drawn @ counts) / np.maximum(drawn @ totals, 1)[:, None]
    fixed = _corrected(head, raw[None], confusion[None])[0] if confusion is not None else None
    fixed_sampled = _corrected(head, sampled, _redrawn(rng, confusion)) if confusion is not None else None
    return [Prevalence(label, _with_interval(raw[i], sampled[:, i]),
                       None if fixed is None or fixed_sampled is None else _with_interval(fixed[i], fixed_sampled[:, i]))
            for i, label in enumerate(head.labels)]


def _corrected(head: Head, shares: FloatArray, confusion: FloatArray) -> FloatArray:
    """Shares (samples, labels) with the confusion of each sample undone."""
    rates = confusion / np.maximum(confusion.sum(-1, keepdims=True), 1e-9)
    if head.kind == "one":
        return np.array([_solve(rate.T, share) for rate, share in zip(rates, shares, strict=True)])
    pairs = [[_solve(rate[i].T, np.array([1 - share[i], share[i]]))[1] for i in range(len(share))]
             for rate, share in zip(rates, shares, strict=True)]
    return np.array(pairs)


def _solve(matrix: FloatArray, share: FloatArray) -> FloatArray:
    """The distribution p that comes nearest to ``matrix @ p = share``: least squares, no negative entry, sum 1."""
    weight = 1e3
    found, _ = nnls(np.vstack([matrix, np.full(matrix.shape[1], weight)]), np.append(share, weight))
    return np.asarray(found / max(found.sum(), 1e-12))


def _redrawn(rng: np.random.Generator, confusion: FloatArray) -> FloatArray:
    """RESAMPLES confusion matrices, each gold row drawn anew from itself."""
    rows = confusion.reshape(-1, confusion.shape[-1])
    sizes: NDArray[np.int64] = rows.sum(1).astype(int)
    out = np.stack([rng.multinomial(size, row / max(row.sum(), 1e-9) if size else np.eye(len(row))[0], size=RESAMPLES)
                    for size, row in zip(sizes, rows, strict=True)], axis=1)
    return out.reshape(RESAMPLES, *confusion.shape).astype(float)


def _with_interval(value: float, samples: Sequence[float] | FloatArray) -> tuple[float, float, float]:
    low, high = np.percentile(samples, [2.5, 97.5])
    return float(value), float(low), float(high)
