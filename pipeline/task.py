"""The task: which heads there are, which labels each has, and how labels turn into arrays and back."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pipeline.errors import DataError, one_of

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: One float array per head, shape (n, labels). Rows of a one-of head sum to 1; entries of a many-of head lie in [0, 1].
Scores = dict[str, FloatArray]
#: Same shapes as Scores: one-hot rows, many-hot rows, or shares of votes.
Targets = dict[str, FloatArray]
#: Same shapes again: the labels decided on. Exactly one True in each row of a one-of head.
Decisions = dict[str, BoolArray]
#: Per head, shape (labels,): the probability from which a label of a many-of head counts; of a one-of head, what each
#: label's probability is divided by before the largest wins.
Thresholds = dict[str, FloatArray]

#: Columns of scored rows and labelled files that a head must not shadow.
RESERVED = frozenset(("article", "index", "sentence_index", "start", "end", "text", "title", "previous", "uncertain",
                      "model", "codebook", "split", "holder", "holder_start", "holder_end", "answered_by"))


class Sentence(NamedTuple):
    """One sentence of an article. ``start`` and ``end`` are character offsets into the article's text."""

    text: str
    previous: str = ""
    title: str = ""
    article: str = ""
    position: int = 0
    start: int = 0
    end: int = 0

    @property
    def context(self) -> str:
        """What a reader knows before the sentence: the preceding sentence, else the title."""
        return self.previous or self.title


class Examples(NamedTuple):
    """Sentences to learn from or to be judged on: targets as in Targets, one weight and one group a sentence."""

    sentences: list[Sentence]
    targets: Targets
    weights: FloatArray
    groups: list[str]


class Head(BaseModel):
    """One question asked of each sentence: ``one`` label of several, or any of ``many``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["one", "many"]
    labels: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _labels_make_sense(self) -> "Head":
        if len(set(self.labels)) != len(self.labels):
            raise ValueError(f"labels {list(self.labels)} repeat")
        if self.kind == "one" and len(self.labels) < 2:
            raise ValueError("a head of kind 'one' needs at least two labels")
        return self


class Task(BaseModel):
    """A name, the version of the codebook that defines the labels, and the heads."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    codebook: str
    heads: dict[str, Head] = Field(min_length=1)

    @field_validator("heads")
    @classmethod
    def _names_are_free(cls, heads: dict[str, Head]) -> dict[str, Head]:
        for name in heads:
            if name in RESERVED or "/" in name:
                raise ValueError(f"head name '{name}' is taken or holds a slash")
        return heads

    def columns(self) -> list[tuple[str, str, int]]:
        """``(head, label, position)`` of every probability, in the order of the file."""
        return [(name, label, i) for name, head in self.heads.items() for i, label in enumerate(head.labels)]


def encode_label(head: Head, name: str, value: Any) -> list[float]:
    """One cell of a labelled file as a row of targets.

    A label, a list of labels (many-of), or a mapping from label to votes or share (soft labels).
    Raises DataError with the bad value and the allowed ones.
    """
    if isinstance(value, Mapping):
        return _encode_votes(head, name, value)
    chosen = value if isinstance(value, list | tuple) else [value]
    if head.kind == "one" and len(chosen) != 1:
        raise DataError(f"{name} {value!r} must be exactly one label of {', '.join(head.labels)}")
    for label in chosen:
        if label not in head.labels:
            raise DataError(f"{name} {label!r} {one_of(head.labels)}")
    return [float(label in chosen) for label in head.labels]


def _encode_votes(head: Head, name: str, votes: Mapping[str, Any]) -> list[float]:
    for label, count in votes.items():
        if label not in head.labels:
            raise DataError(f"{name} {label!r} {one_of(head.labels)}")
        if isinstance(count, bool) or not isinstance(count, int | float) or not 0 <= count < float("inf"):
            raise DataError(f"{name} votes for {label!r} are {count!r}, not a number of 0 or more")
    row = [float(votes.get(label, 0)) for label in head.labels]
    if head.kind == "many":
        if max(row) > 1:
            raise DataError(f"{name} shares {dict(votes)!r} of a many-of head must lie between 0 and 1")
        return row
    total = sum(row)
    if not total:
        raise DataError(f"{name} {dict(votes)!r} has no vote for any of {', '.join(head.labels)}")
    return [value / total for value in row]


def decide(task: Task, scores: Mapping[str, FloatArray], thresholds: Mapping[str, FloatArray]) -> Decisions:
    """Labels from probabilities: those at or above their threshold (many-of), the largest beside its threshold (one-of).

    Without thresholds the most probable label of a one-of head wins, and a label of a many-of head counts from 0.5 on.
    """
    decided: Decisions = {}
    for name, head in task.heads.items():
        values = scores[name]
        if head.kind == "one":
            hard = np.zeros(values.shape, dtype=bool)
            if len(values):
                hard[np.arange(len(values)), (values / thresholds.get(name, 1.0)).argmax(axis=1)] = True
            decided[name] = hard
        else:
            decided[name] = values >= thresholds.get(name, np.full(len(head.labels), 0.5))
    return decided


def names(task: Task, decided: Mapping[str, BoolArray]) -> dict[str, list[Any]]:
    """Labels as words: a string a row for a one-of head, a list of strings a row for a many-of head."""
    out: dict[str, list[Any]] = {}
    for name, head in task.heads.items():
        rows = decided[name]
        if head.kind == "one":
            out[name] = [head.labels[i] for i in rows.argmax(axis=1)]
        else:
            out[name] = [[head.labels[i] for i in np.flatnonzero(row)] for row in rows]
    return out


def concatenate(parts: Sequence[Scores]) -> Scores:
    """Scores of consecutive batches as one."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def confidence(head: Head, scores: FloatArray) -> FloatArray:
    """How sure a row is, in [0, 1]: the largest probability (one-of), the least sure label (many-of). Shape (n,)."""
    sure = scores.max(axis=1) if head.kind == "one" else np.maximum(scores, 1 - scores).min(axis=1)
    return np.asarray(sure, dtype=np.float64)
