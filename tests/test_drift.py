"""Drift: parts add up, a like batch is quiet, a foreign one is named with its figures."""

import numpy as np

from pipeline.drift import Drift, measure, total, warnings, words_of
from pipeline.task import Decisions, Head, Scores, Sentence, Task

TASK = Task(name="t", codebook="1", heads={"side": Head(kind="one", labels=("a", "b"))})
ENGLISH = [Sentence(f"The judge blocked order number {i} on Monday.") for i in range(200)]
KNOWN = frozenset(words_of(s.text for s in ENGLISH))


def measured(sentences: list[Sentence], share: float, sure: float) -> Drift:
    n = len(sentences)
    first = np.arange(n) < share * n
    scores: Scores = {"side": np.where(first[:, None], [sure, 1 - sure], [1 - sure, sure])}
    decided: Decisions = {"side": scores["side"] > 0.5}
    return measure(TASK, sentences, scores, decided, KNOWN)


REFERENCE = measured(ENGLISH, 0.5, 0.9)


def test_parts_add_up_to_the_whole() -> None:
    """Two halves give the figures of the whole."""
    halves = total([measured(ENGLISH[:100], 0.5, 0.9), measured(ENGLISH[100:], 0.5, 0.9)])
    assert halves.figures() == REFERENCE.figures()
    assert REFERENCE.figures()["unknown_words"] == 0
    assert REFERENCE.figures()["share/side/a"] == 0.5


def test_a_batch_like_the_test_text_is_quiet() -> None:
    """Small differences warn of nothing, and neither does a batch too small to tell."""
    assert warnings(TASK, REFERENCE, measured(ENGLISH, 0.6, 0.85)) == []
    assert warnings(TASK, REFERENCE, measured([Sentence("Fremde Wörter überall.")] * 50, 1.0, 0.51)) == []


def test_a_foreign_batch_is_named_with_its_figures() -> None:
    """Unknown words, long sentences, low confidence and other labels each get a line."""
    lines = warnings(TASK, REFERENCE, measured([Sentence("Fremde lange Wörter " * 9)] * 200, 1.0, 0.6))
    assert lines[0].startswith("100% of the words are unknown to the model (0% in its test text)")
    assert lines[1].startswith("sentences have 27 words on average (8 in its test text)")
    assert lines[2] == "mean confidence of side is 0.60 (0.90 on its test text)"
    assert lines[3].startswith("100% of the sentences are side a (differs by 50%")
