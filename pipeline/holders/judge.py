"""How well holders are found: exactly, and by the share of words that overlap."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.errors import DataError
from pipeline.evaluate import Metrics, draws
from pipeline.holders import Span, find_holder
from pipeline.task import FloatArray

_WORD = re.compile(r"\w+")


def judge_holders(rows: Sequence[Mapping[str, Any]], seed: int = 0) -> Metrics:
    """Exact and overlap F1, precision and recall, with 95% intervals, of ``find_holder`` on labelled rows.

    A row has ``text`` and ``start`` and ``end`` of its holder (null for none), and perhaps ``article``, by which the
    bootstrap resamples. Overlap is proportional, in words: a found holder counts for precision by the share of its words
    that are gold, a gold holder for recall by the share of its words that are found (Johansson and Moschitti 2013,
    "Relational Features in Fine-Grained Opinion Analysis", for the holders of MPQA: Wiebe, Wilson and Cardie 2005).
    Raises DataError for a row whose offsets are not those of its holder.
    """
    if not rows:
        raise DataError("no row to judge holders on")
    _, at = np.unique([str(row.get("article", i)) for i, row in enumerate(rows)], return_inverse=True)
    groups = np.zeros((int(at.max()) + 1, 6))
    np.add.at(groups, at, np.array([_counts(row) for row in rows]))
    total = groups.sum(0)
    sampled = draws(len(groups), seed) @ groups
    out: Metrics = {}
    for name, hits in (("exact", (2, 2)), ("overlap", (3, 4))):
        precision, recall, f1 = _scores(total[None], *hits)[:, 0]
        low, high = np.percentile(_scores(sampled, *hits)[2], [2.5, 97.5])
        out |= {f"{name}_f1": f1, f"{name}_f1_low": low, f"{name}_f1_high": high,
                f"{name}_precision": precision, f"{name}_recall": recall}
    out |= {"none_accuracy": total[5] / len(rows), "gold": total[1], "found": total[0], "sentences": len(rows)}
    return {name: float(value) for name, value in out.items()}


def _counts(row: Mapping[str, Any]) -> list[float]:
    """Found, gold, exactly right; overlap of the found one and of the gold one; whether both or neither is there."""
    gold, found = gold_span(row), find_holder(row["text"])
    ours, theirs = _words(row["text"], found), _words(row["text"], gold)
    shared = len(ours & theirs)
    return [float(found is not None), float(gold is not None), float(bool(ours) and ours == theirs),
            shared / max(len(ours), 1), shared / max(len(theirs), 1), float((found is None) == (gold is None))]


def gold_span(row: Mapping[str, Any]) -> Span | None:
    """The offsets of a labelled row's holder. Raises DataError when there is no text or they do not give its holder."""
    text, start, end, holder = row.get("text"), row.get("start"), row.get("end"), row.get("holder")
    if not isinstance(text, str):
        raise DataError(f"text {text!r} is not a sentence; known columns here: {', '.join(row)}")
    if start is None and end is None and not holder:
        return None
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text)):
        raise DataError(f"holder from {start!r} to {end!r} is not in the {len(text)} characters of {text[:60]!r}")
    if holder != text[start:end]:
        raise DataError(f"holder {holder!r} is not {text[start:end]!r}, from {start} to {end} of {text[:60]!r}")
    return start, end


def _words(text: str, span: Span | None) -> set[int]:
    """Where the words of ``span`` begin."""
    return {word.start() for word in _WORD.finditer(text, *span)} if span else set()


def _scores(counts: FloatArray, precise: int, recalled: int) -> FloatArray:
    """Precision, recall and F1 from counts of shape (samples, 6); 0 where undefined."""
    precision = counts[:, precise] / np.maximum(counts[:, 0], 1)
    recall = counts[:, recalled] / np.maximum(counts[:, 1], 1)
    return np.stack([precision, recall, 2 * precision * recall / np.maximum(precision + recall, 1e-12)])
