"""Where a model goes wrong: its worst sentences, weak slices, suspected gold labels, and what it looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import false_discovery_control

from pipeline.corpus import META
from pipeline.evaluate import SMALLEST_SLICE, f1, group_counts, interval, labels_of
from pipeline.model import Model
from pipeline.task import BoolArray, Sentence, Task, encode_label

Predictions = Sequence[Mapping[str, Any]]

_SHUFFLES = 1000


@dataclass(frozen=True)
class Slice:
    """Macro-F1 of a head on the rows of one genre, voice, region or year, with its interval and the rest's macro-F1.

    ``p`` is of a permutation test (articles in or out of the slice at random), corrected over all slices.
    """

    head: str
    column: str
    value: str
    sentences: int
    f1: float
    low: float
    high: float
    rest: float
    p: float


def slices(task: Task, rows: Predictions, seed: int = 0) -> list[Slice]:
    """Every slice of at least 30 sentences, worst first."""
    groups = np.array([str(row["id"]).rsplit(":", 1)[0] for row in rows])
    found: list[Slice] = []
    for head in task.heads:
        gold, decided = labels_of(task.heads[head], rows, f"gold/{head}"), labels_of(task.heads[head], rows, head)
        for column in META:
            values = np.array([str(row.get(column, ""))[:4] if column == "date" else row.get(column, "") for row in rows])
            for value in sorted(set(values) - {""}):
                inside = values == value
                if SMALLEST_SLICE <= inside.sum() <= len(rows) - SMALLEST_SLICE:
                    found.append(Slice(head, "year" if column == "date" else column, value, int(inside.sum()),
                                       *_against_rest(gold, decided, inside, groups, seed)))
    if not found:
        return []
    corrected = false_discovery_control([s.p for s in found])
    made = [replace(s, p=float(p)) for s, p in zip(found, corrected, strict=True)]
    return sorted(made, key=lambda s: (s.head, s.f1 - s.rest))


def worst(task: Task, rows: Predictions, count: int = 25) -> list[Mapping[str, Any]]:
    """The wrong rows whose gold labels got the least probability, worst first."""
    def gold_probability(row: Mapping[str, Any]) -> float:
        least = 1.0
        for name, head in task.heads.items():
            for label, is_gold in zip(head.labels, encode_label(head, name, row[f"gold/{name}"]), strict=True):
                if head.kind == "many" or is_gold:
                    least = min(least, row[f"{name}/{label}"] if is_gold else 1 - row[f"{name}/{label}"])
        return least

    return sorted((row for row in rows if row["wrong"]), key=gold_probability)[:count]


def suspected(task: Task, rows: Predictions, head: str) -> list[tuple[Mapping[str, Any], float]]:
    """Rows whose gold label of a one-of head is probably wrong, with the label's quality in [0, 1], least first.

    Confident learning (Northcutt et al. 2021) by cleanlab, on probabilities of rows the model was not trained on.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    gold = labels_of(task.heads[head], rows, f"gold/{head}").argmax(1)
    if len(set(gold.tolist())) < len(task.heads[head].labels):
        return []
    scores = np.array([[row[f"{head}/{label}"] for label in task.heads[head].labels] for row in rows])
    scores /= scores.sum(1, keepdims=True)
    at = find_label_issues(gold, scores, return_indices_ranked_by="self_confidence", n_jobs=1)
    quality = get_label_quality_scores(gold, scores)
    return [(rows[i], float(quality[i])) for i in at]


def attributions(model: Model, sentence: Sentence, head: str, label: int) -> list[tuple[str, float]]:
    """Each word of the sentence and how much the label's probability falls when the word is left out.

    Representation erasure (Li et al. 2016), the same for every classifier.
    """
    words = sentence.text.split()
    without = [sentence._replace(text=" ".join(words[:i] + words[i + 1:])) for i in range(len(words))]
    scores = model.predict_proba([sentence, *without])[head][:, label]
    return [(word, float(scores[0] - score)) for word, score in zip(words, scores[1:], strict=True)]


def _against_rest(gold: BoolArray, decided: BoolArray, inside: Any, groups: Any,
                  seed: int) -> tuple[float, float, float, float, float]:
    """Macro-F1 inside, its interval, macro-F1 outside, and p of a one-sided permutation over groups."""
    counts = group_counts(gold[inside], decided[inside], groups[inside])
    value = float(f1(counts.sum(0)).mean())
    rest = float(f1(group_counts(gold[~inside], decided[~inside], groups[~inside]).sum(0)).mean())
    low, high = interval(counts, seed)
    by_group = group_counts(gold, decided, groups)
    names = np.unique(groups)
    members = np.isin(names, groups[inside]).sum()
    rng = np.random.default_rng(seed)
    drawn = rng.random((_SHUFFLES, len(names))).argsort(1) < members
    flat = by_group.reshape(len(names), -1)
    chance = f1((drawn @ flat).reshape(-1, *by_group.shape[1:])).mean(1) - f1(
        (~drawn @ flat).reshape(-1, *by_group.shape[1:])).mean(1)
    p = (1 + (chance <= value - rest).sum()) / (1 + _SHUFFLES)
    return value, low[-1], high[-1], rest, float(p)
