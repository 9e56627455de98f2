"""Error analysis: weak slices, suspected labels, what a word weighs, and a page that only shows."""

from typing import Any

import numpy as np

from pipeline.analysis import attributions, slices, suspected, worst
from pipeline.analysis.page import analysis_page
from pipeline.calibrate import Calibration
from pipeline.corpus import Row
from pipeline.model import Model
from pipeline.task import Head, Scores, Sentence, Task
from pipeline.train import sliced

TASK = Task(name="t", codebook="1", heads={"side": Head(kind="one", labels=("a", "b"))})


class Counter:
    """Stands for a classifier: "b" is as probable as the sentence has "no" in it."""

    def predict_proba(self, sentences: list[Sentence]) -> Scores:
        b = np.array([min(0.9, 0.1 + 0.4 * s.text.split().count("no")) for s in sentences])
        return {"side": np.stack([1 - b, b], axis=1)}


MODEL = Model("m", TASK, None, Counter(), Calibration(), {}, {}, "")  # type: ignore[arg-type]


def row(i: int, gold: str, guess: str, sure: float = 0.9, genre: str = "wire") -> dict[str, Any]:
    p = {guess: sure, "ab".replace(guess, ""): 1 - sure}
    return {"id": f"x{i // 3}:{i}", "text": f"Sentence {i}.", "previous": "", "title": "", "wrong": gold != guess,
            "genre": genre,
            "date": "2020-01-01", "gold/side": gold, "side": guess, "side/a": p["a"], "side/b": p["b"]}


def test_a_weak_slice_is_found_significant_and_an_even_one_is_not() -> None:
    """Letters that are wrong half of the time stand out; two genres that are equally good do not."""
    good = [row(i, "ab"[i % 2], "ab"[i % 2], genre="wire") for i in range(300)]
    bad = [row(i, "ab"[i % 2], "ab"[(i // 2) % 2], genre="letters") for i in range(300, 420)]
    found = {s.value: s for s in slices(TASK, good + bad)}
    assert found["letters"].p < 0.01
    assert found["letters"].f1 < found["letters"].rest
    even = [row(i, "ab"[i % 2], "ab"[(i * 7 // 10) % 2], genre=("wire", "letters")[i // 3 % 2]) for i in range(300)]
    assert all(s.p > 0.05 for s in slices(TASK, even))


def test_metrics_name_every_genre_and_voice_that_has_enough_sentences() -> None:
    """The F1 of a genre is that of its own rows, with an interval; thirty sentences are the least."""
    def labelled(i: int, genre: str, right: bool) -> Row:
        gold = [1.0, 0.0] if (i % 2 == 0) == right else [0.0, 1.0]
        return Row("f:1", Sentence("no" if i % 2 == 0 else "no no", article=f"x{i // 3}"), {"side": gold}, "e", "test",
                   meta={"genre": genre, "voice": "left"})

    rows = [labelled(i, "wire", True) for i in range(30)] + [labelled(i, "letters", False) for i in range(30)]
    rows += [labelled(i, "captions", True) for i in range(29)]
    scores = {"side": np.array([[0.9, 0.1] if row.sentence.text == "no" else [0.1, 0.9] for row in rows])}
    found = sliced(MODEL, rows, scores)
    assert found["genre/wire/side/macro_f1"] == found["genre/wire/side/macro_f1_low"] == 1.0
    assert found["genre/letters/side/macro_f1"] == 0.0
    assert (found["voice/left/sentences"], "genre/captions/sentences" in found) == (89, False)


def test_the_worst_comes_first() -> None:
    """Wrong rows are ordered by how little the gold label got; right rows are left out."""
    rows = [row(0, "a", "b", 0.6), row(1, "a", "a"), row(2, "a", "b", 0.99), row(3, "b", "a", 0.8)]
    assert [r["id"] for r in worst(TASK, rows)] == ["x0:2", "x1:3", "x0:0"]


def test_a_swapped_gold_label_is_suspected() -> None:
    """Among sixty rows that the model gets right and surely, the one with the other label is suspected first."""
    rows = [row(i, "ab"[i % 2], "ab"[i % 2], 0.95) for i in range(60)]
    rows[7] = row(7, "a", "b", 0.97)
    assert suspected(TASK, rows, "side")[0][0]["id"] == "x2:7"


def test_a_word_weighs_what_its_absence_changes() -> None:
    """Only the word that the model looks at has weight."""
    found = dict(attributions(MODEL, Sentence("There is no wall"), "side", 1))
    assert found["no"] > 0.3
    assert found["wall"] == found["There"] == 0


def test_hostile_text_is_shown_and_never_run() -> None:
    """Markup in a sentence is escaped, and the page refers to nothing outside itself."""
    rows = [row(i, "ab"[i % 2], "ab"[i % 2]) for i in range(40)]
    rows[3] = {**row(3, "a", "b"), "text": "<script>alert(1)</script> no", "title": "\"><img src=x onerror=alert(2)>"}
    page = analysis_page(MODEL, rows, {"other": rows[:10]}, [])
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "http" not in page
