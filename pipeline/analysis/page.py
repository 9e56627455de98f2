"""The analysis as one self-contained HTML page; nothing on it is fetched, and text is shown, never run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.analysis import Predictions, attributions, slices, suspected, worst
from pipeline.challenge import Outcome
from pipeline.evaluate import labels_of
from pipeline.model import Model
from pipeline.task import Sentence, Task

#: Features shown for and against each label.
_FEATURES = 15
_SUSPECTS = 20


def analysis_page(model: Model, rows: Predictions, others: Mapping[str, Predictions], outcomes: Sequence[Outcome]) -> str:
    """HTML of the error analysis of ``model`` on its test ``rows``; ``others`` are other models' rows, by name."""
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    task = model.task
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape())
    same = {name: {row["id"]: row for row in found} for name, found in others.items()}
    return environment.get_template("page.html").render(
        model=model.name, total=len(rows), wrong=sum(bool(row["wrong"]) for row in rows),
        confusion={name: _confusion(task, rows, name) for name in task.heads},
        weak=[s for s in slices(task, rows) if s.f1 < s.rest][:20],
        worst=[_card(model, row, same) for row in worst(task, rows)], others=list(others),
        suspects=_suspects(task, rows), features=_features(model),
        failures=[{**o.case.model_dump(), "expected": _expected(o)} for o in outcomes if o.failed])


def _confusion(task: Task, rows: Predictions, name: str) -> dict[str, Any]:
    """A square of counts (one-of), or per label its hits, false alarms and misses (many-of)."""
    head = task.heads[name]
    gold, decided = labels_of(head, rows, f"gold/{name}"), labels_of(head, rows, name)
    if head.kind == "one":
        square = gold.T.astype(int) @ decided.astype(int)
        return {"labels": head.labels, "rows": [[label, *square[i].tolist()] for i, label in enumerate(head.labels)]}
    counts = np.stack([(gold & decided).sum(0), (~gold & decided).sum(0), (gold & ~decided).sum(0)], axis=1)
    return {"labels": ["found", "false alarms", "missed"],
            "rows": [[label, *counts[i].tolist()] for i, label in enumerate(head.labels)]}


def _card(model: Model, row: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    task = model.task
    sides = [row, *(found.get(row["id"], {}) for found in others.values())]
    lines = [[name, _words(row[f"gold/{name}"]), *(_answer(task, name, side) for side in sides)] for name in task.heads]
    head, label = _mistake(task, row)
    sentence = Sentence(row["text"], row["previous"], row["title"])
    weights = attributions(model, sentence, head, label)
    largest = max((abs(weight) for _, weight in weights), default=0) or 1
    return {**row, "lines": lines, "words": [(word, _colour(weight / largest)) for word, weight in weights]}


def _mistake(task: Task, row: Mapping[str, Any]) -> tuple[str, int]:
    """The head and label that the model was most wrongly sure of."""
    gaps = []
    for name, head in task.heads.items():
        gold = row[f"gold/{name}"]
        for i, label in enumerate(head.labels):
            is_gold = label in gold if isinstance(gold, list) else label == gold
            gaps.append((row[f"{name}/{label}"] - is_gold, name, i))
    _, name, i = max(gaps)
    return name, i


def _answer(task: Task, name: str, row: Mapping[str, Any]) -> str:
    if not row:
        return "-"
    shown = ", ".join(f"{label} {row[f'{name}/{label}']:.2f}" for label in task.heads[name].labels)
    return f"{_words(row[name])} ({shown})"


def _suspects(task: Task, rows: Predictions) -> list[dict[str, Any]]:
    return [{"text": row["text"], "gold": row[f"gold/{name}"], "model": row[name], "quality": quality}
            for name, head in task.heads.items() if head.kind == "one"
            for row, quality in suspected(task, rows, name)[:_SUSPECTS]]


def _features(model: Model) -> list[tuple[str, list[str], list[str]]]:
    """Strongest n-grams a label, for a linear model."""
    if not hasattr(model.classifier, "feature_names"):
        return []
    feature_names = np.array(model.classifier.feature_names())
    table = []
    for name, label, i in model.task.columns():
        weights = model.classifier.coef_[name][i]  # type: ignore[attr-defined]
        order = np.argsort(weights)
        table.append((f"{name}: {label}", feature_names[order[::-1][:_FEATURES]].tolist(),
                      feature_names[order[:_FEATURES]].tolist()))
    return table


def _expected(outcome: Outcome) -> str:
    case = outcome.case
    return ", ".join(_words(value) for value in case.expect.values()) or "the same labels"


def _words(value: Any) -> str:
    return ", ".join(value) or "(none)" if isinstance(value, list) else str(value)


def _colour(weight: float) -> str:
    red, blue = max(weight, 0.0), max(-weight, 0.0)
    return f"rgba({220 if red else 40}, 60, {200 if blue else 60}, {0.5 * max(red, blue):.2f})"
