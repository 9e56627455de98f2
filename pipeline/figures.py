"""An evaluation as matplotlib figures."""

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.evaluate import labels_of, risk_coverage
from pipeline.task import BoolArray, FloatArray, Head, Task, confidence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pipeline.train import Evaluation

_BINS = 10


def training_figures(task: Task, evaluation: "Evaluation") -> dict[str, "Figure"]:
    """Confusion, reliability, precision-recall and risk-coverage a head on test, and the learning curve, by path."""
    figures = {}
    for name, head in task.heads.items():
        gold, decided, scores = _arrays(head, name, evaluation.predictions)
        figures[f"figures/confusion_{name}.png"] = confusion(name, head, gold, decided)
        figures[f"figures/reliability_{name}.png"] = reliability(name, head, gold, scores)
        figures[f"figures/precision_recall_{name}.png"] = precision_recall(name, head, gold, scores)
        figures[f"figures/risk_coverage_{name}.png"] = coverage(name, head, gold, decided, scores)
    if evaluation.history:
        figures["figures/learning_curve.png"] = learning_curve(evaluation.history)
    return figures


def confusion(name: str, head: Head, gold: BoolArray, decided: BoolArray) -> "Figure":
    """Counts of gold against predicted labels; one small matrix a label for a many-of head."""
    from sklearn.metrics import confusion_matrix

    if head.kind == "one":
        matrices = [confusion_matrix(gold.argmax(1), decided.argmax(1), labels=range(len(head.labels)))]
        titles, ticks = [name], list(head.labels)
    else:
        matrices = [confusion_matrix(gold[:, i], decided[:, i], labels=[False, True]) for i in range(len(head.labels))]
        titles, ticks = list(head.labels), ["no", "yes"]
    figure, axes = _axes(len(matrices))
    for axis, matrix, title in zip(axes, matrices, titles, strict=True):
        shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
        axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (i, j), count in np.ndenumerate(matrix):
            axis.text(j, i, f"{count}\n{shares[i, j]:.0%}", ha="center", va="center",
                      color="white" if shares[i, j] > 0.5 else "black")
        axis.set(title=title, xlabel="predicted", ylabel="gold", xticks=range(len(ticks)), yticks=range(len(ticks)),
                 xticklabels=ticks, yticklabels=ticks)
    return figure


def reliability(name: str, head: Head, gold: BoolArray, scores: FloatArray) -> "Figure":
    """How often a label is right at each stated probability; the diagonal is perfect calibration."""
    figure, (axis,) = _axes(1)
    axis.plot([0, 1], [0, 1], color="grey", linestyle=":")
    for i, label in enumerate(head.labels):
        at = np.minimum((scores[:, i] * _BINS).astype(int), _BINS - 1)
        size = np.bincount(at, minlength=_BINS)
        kept = size > 0
        stated = np.bincount(at, weights=scores[:, i], minlength=_BINS)[kept] / size[kept]
        found = np.bincount(at, weights=gold[:, i], minlength=_BINS)[kept] / size[kept]
        axis.plot(stated, found, marker="o", label=label)
    axis.set(title=f"{name}: reliability", xlabel="stated probability", ylabel="share that is right")
    axis.legend()
    return figure


def precision_recall(name: str, head: Head, gold: BoolArray, scores: FloatArray) -> "Figure":
    """Precision against recall of every label."""
    from sklearn.metrics import precision_recall_curve

    figure, (axis,) = _axes(1)
    for i, label in enumerate(head.labels):
        if gold[:, i].any():
            precision, recall, _ = precision_recall_curve(gold[:, i], scores[:, i])
            axis.plot(recall, precision, label=label)
    axis.set(title=f"{name}: precision and recall", xlabel="recall", ylabel="precision", ylim=(0, 1.02))
    axis.legend()
    return figure


def coverage(name: str, head: Head, gold: BoolArray, decided: BoolArray, scores: FloatArray) -> "Figure":
    """Accuracy when only the surest sentences are answered."""
    share, accuracy = risk_coverage(confidence(head, scores), (gold == decided).all(1))
    figure, (axis,) = _axes(1)
    axis.plot(share, accuracy)
    axis.set(title=f"{name}: risk and coverage", xlabel="share of sentences answered", ylabel="accuracy",
             ylim=(min(accuracy.min(), 0.5) - 0.02, 1.02))
    return figure


def learning_curve(history: list[tuple[int, str, float]]) -> "Figure":
    """Loss and score by training step."""
    figure, (axis,) = _axes(1)
    for name in sorted({name for _, name, _ in history}):
        points = [(step, value) for step, found, value in history if found == name]
        axis.plot(*zip(*points, strict=True), marker="o" if len(points) < 20 else None, label=name)
    axis.set(title="learning curve", xlabel="step")
    axis.legend()
    return figure


def _arrays(head: Head, name: str, predictions: list[dict[str, Any]]) -> tuple[BoolArray, BoolArray, FloatArray]:
    scores = np.array([[row[f"{name}/{label}"] for label in head.labels] for row in predictions])
    return labels_of(head, predictions, f"gold/{name}"), labels_of(head, predictions, name), scores


def _axes(count: int) -> tuple["Figure", list[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * count + 0.6, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(np.atleast_1d(figure.subplots(1, count)))
