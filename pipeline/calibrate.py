"""Probabilities that mean what they say: a temperature for a one-of head, Platt's map for labels of a many-of head."""

from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logit

from pipeline.config import Settings
from pipeline.task import FloatArray, Scores, Targets, Task

_TINY = 1e-6


class Calibration(Settings):
    """Per head, ``scale`` and ``shift`` of the logit of every label; (1, 0) leaves a probability as it is."""

    scale: dict[str, list[float]] = {}
    shift: dict[str, list[float]] = {}

    def apply(self, task: Task, scores: Scores) -> Scores:
        """Calibrated scores of the same shapes."""
        return {name: _map(head.kind, scores[name], np.array(self.scale[name]), np.array(self.shift[name]))
                if name in self.scale else scores[name] for name, head in task.heads.items()}


def fit_calibration(task: Task, targets: Targets, scores: Scores) -> Calibration:
    """Minimise the log-loss on held-out rows, lightly tied to no change so that a rare label cannot run away.

    One-of: one temperature and a shift a label (vector scaling with a shared scale, Guo et al. 2017). Many-of: scale
    and shift of each label's logit (Platt 1999).
    """
    scale, shift = {}, {}
    for name, head in task.heads.items():
        k = len(head.labels)
        gold, values = targets[name], scores[name]
        groups = [list(range(k))] if head.kind == "one" else [[i] for i in range(k)]
        scale[name], shift[name] = [1.0] * k, [0.0] * k
        for columns in groups:
            start = np.zeros(1 + len(columns))
            found = minimize(_loss, start, args=(head.kind, gold[:, columns], values[:, columns]), method="L-BFGS-B",
                             bounds=[(-2.5, 2.5)] + [(-3.0, 3.0)] * len(columns)).x
            for at, column in enumerate(columns):
                scale[name][column], shift[name][column] = float(np.exp(found[0])), float(found[1 + at])
    return Calibration(scale=scale, shift=shift)


def _map(kind: str, scores: FloatArray, scale: FloatArray, shift: FloatArray) -> FloatArray:
    clipped = np.clip(scores, _TINY, 1 - _TINY)
    if kind == "one":
        return np.asarray(np.exp(log_softmax(np.log(clipped) * scale + shift, axis=1)))
    return np.asarray(expit(logit(clipped) * scale + shift))


def _loss(x: Any, kind: str, gold: FloatArray, scores: FloatArray) -> float:
    mapped = np.clip(_map(kind, scores, np.full(scores.shape[1], np.exp(x[0])), x[1:]), _TINY, 1 - _TINY)
    fit = gold * np.log(mapped) if kind == "one" else gold * np.log(mapped) + (1 - gold) * np.log(1 - mapped)
    return float(-fit.sum() / max(len(gold), 1) + 0.001 * (x**2).sum())
