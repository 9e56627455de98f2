"""Several trainings of one configuration that differ in the seed: how much of a score is luck."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.evaluate import Metrics
from pipeline.train import Evaluation


def summarise(evaluations: Sequence[Evaluation]) -> Metrics:
    """``sweep/<metric>/mean``, ``std``, ``min`` and ``max`` of every F1, calibration error and failure rate.

    The gate reads the means, so that a lucky run counts no more than its kind.
    """
    kept = ("macro_f1", "/f1", "ece", "failure_rate", "accuracy")
    metrics: Metrics = {}
    for name in evaluations[0].metrics:
        if name.endswith(kept):
            values = np.array([e.metrics[name] for e in evaluations])
            metrics |= {f"sweep/{name}/mean": float(values.mean()), f"sweep/{name}/std": float(values.std(ddof=1)),
                        f"sweep/{name}/min": float(values.min()), f"sweep/{name}/max": float(values.max())}
    return metrics


def middle(evaluations: Sequence[Evaluation], metric: str) -> int:
    """Position of the run with the median ``metric``: the one to keep, neither the luckiest nor the unluckiest."""
    order = np.argsort([e.metrics[metric] for e in evaluations], kind="stable")
    return int(order[(len(order) - 1) // 2])


def keep_middle(folders: Sequence[Path], evaluations: Sequence[Evaluation], target: Path) -> Evaluation:
    """Copy the model of the median run (by the valid headline) to ``target``, its evaluation with the summary added."""
    headline = next(iter(evaluations[0].metrics)).replace("test/", "valid/", 1)
    at = middle(evaluations, headline)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folders[at], target)
    kept = replace(evaluations[at], metrics={**evaluations[at].metrics, **summarise(evaluations)})
    kept.save(target)
    return kept
