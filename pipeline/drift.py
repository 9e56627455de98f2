"""How far a batch is from what the model was trained on: labels, confidence, unknown words, sentence length."""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from pipeline.config import Settings
from pipeline.task import Decisions, Scores, Sentence, Task, confidence

_WORD = re.compile(r"[^\W\d_]{2,}")
#: From where on a figure is worth a warning: chosen so that another topic or another language trips it and another
#: outlet does not. Differences for shares and confidence, a factor for length.
UNKNOWN, CONFIDENCE, SHARES, LENGTH = 0.10, 0.10, 0.30, 1.8
#: Sentences below which a batch says nothing about its source.
_ENOUGH = 100


class Drift(Settings):
    """Sums over sentences, so that parts add up; the properties are the figures."""

    sentences: int = 0
    length: int = 0
    words: int = 0
    unknown: int = 0
    confidence: dict[str, float] = {}
    labels: dict[str, int] = {}

    def mean_length(self) -> float:
        """Words a sentence, as split by white space."""
        return self.length / max(self.sentences, 1)

    def unknown_words(self) -> float:
        """Share of running words that the training text does not have."""
        return self.unknown / max(self.words, 1)

    def figures(self) -> dict[str, float]:
        """All figures, flat: what the manifest keeps for people."""
        n = max(self.sentences, 1)
        return {"sentences": self.sentences, "words_per_sentence": round(self.mean_length(), 2),
                "unknown_words": round(self.unknown_words(), 4),
                **{f"confidence/{head}": round(total / n, 4) for head, total in self.confidence.items()},
                **{f"share/{label}": round(count / n, 4) for label, count in self.labels.items()}}


def words_of(texts: Iterable[str]) -> set[str]:
    """Distinct lower-cased words of two letters or more."""
    return {word for text in texts for word in _WORD.findall(text.lower())}


def measure(task: Task, sentences: Sequence[Sentence], scores: Scores, decided: Decisions, known: frozenset[str]) -> Drift:
    """The sums for ``sentences``; ``known`` are the words of the training text."""
    found = [word for sentence in sentences for word in _WORD.findall(sentence.text.lower())]
    return Drift(
        sentences=len(sentences), length=sum(len(s.text.split()) for s in sentences), words=len(found),
        unknown=sum(word not in known for word in found),
        confidence={name: float(confidence(head, scores[name]).sum()) for name, head in task.heads.items()},
        labels={f"{name}/{label}": int(decided[name][:, i].sum()) for name, label, i in task.columns()})


def total(parts: Iterable[Drift]) -> Drift:
    """Parts of a batch as one."""
    sums = Drift()
    for part in parts:
        sums = Drift(sentences=sums.sentences + part.sentences, length=sums.length + part.length,
                     words=sums.words + part.words, unknown=sums.unknown + part.unknown,
                     confidence=_added(sums.confidence, part.confidence),
                     labels={name: int(value) for name, value in _added(sums.labels, part.labels).items()})
    return sums


def warnings(task: Task, reference: Drift, batch: Drift) -> list[str]:
    """A line for every figure of ``batch`` that is far from ``reference`` (the model's test split)."""
    if min(reference.sentences, batch.sentences) < _ENOUGH:
        return []
    lines = []
    if batch.unknown_words() - reference.unknown_words() > UNKNOWN:
        lines.append(f"{batch.unknown_words():.0%} of the words are unknown to the model "
                     f"({reference.unknown_words():.0%} in its test text)")
    ratio = batch.mean_length() / max(reference.mean_length(), 1e-9)
    if not 1 / LENGTH <= ratio <= LENGTH:
        lines.append(f"sentences have {batch.mean_length():.0f} words on average ({reference.mean_length():.0f} in its "
                     "test text)")
    for name, head in task.heads.items():
        then, now = (d.confidence.get(name, 0.0) / d.sentences for d in (reference, batch))
        if then - now > CONFIDENCE:
            lines.append(f"mean confidence of {name} is {now:.2f} ({then:.2f} on its test text)")
        gaps = [abs(batch.labels.get(f"{name}/{label}", 0) / batch.sentences
                    - reference.labels.get(f"{name}/{label}", 0) / reference.sentences) for label in head.labels]
        worst = int(np.argmax(gaps))
        if gaps[worst] > SHARES:
            share = batch.labels.get(f"{name}/{head.labels[worst]}", 0) / batch.sentences
            lines.append(f"{share:.0%} of the sentences are {name} {head.labels[worst]} (differs by {gaps[worst]:.0%} from "
                         "its test text)")
    return lines


def _added(a: Mapping[str, float], b: Mapping[str, float]) -> dict[str, float]:
    return {name: a.get(name, 0) + b.get(name, 0) for name in [*a, *(n for n in b if n not in a)]}
