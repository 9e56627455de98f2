"""The report: corrected shares find the truth, hostile text stays text, and every format reads back."""

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import OutputError
from pipeline.report import read_batch, report_page, summary
from pipeline.report.holders import name_of, voices
from pipeline.report.prevalence import prevalences
from pipeline.task import Head, Task

ONE = Head(kind="one", labels=("support", "oppose", "neutral"))
MANY = Head(kind="many", labels=("wall", "court"))
TASK = Task(name="t", codebook="1", heads={"stance": ONE, "policy": MANY})
EVIL = "</script><script>alert(1)</script> \u202e {{ 7*7 }} \"'"


def test_the_correction_finds_shares_that_counting_misses() -> None:
    """With a model that takes a third of "oppose" for "neutral", counted shares are off and corrected ones are not."""
    rng = np.random.default_rng(1)
    confusion = np.array([[90, 5, 5], [10, 50, 40], [5, 5, 190]], dtype=float)
    truth = rng.choice(3, 6000, p=[0.3, 0.4, 0.3])
    seen = np.array([rng.choice(3, p=confusion[t] / confusion[t].sum()) for t in truth])
    counts = np.eye(3)[seen].reshape(300, 20, 3).sum(1)
    found = {p.label: p for p in prevalences(ONE, counts, np.full(300, 20.0), confusion)}
    assert found["oppose"].raw[0] < 0.3
    assert found["oppose"].corrected is not None
    assert found["oppose"].corrected[0] == pytest.approx(0.4, abs=0.05)
    assert found["oppose"].corrected[1] < 0.4 < found["oppose"].corrected[2]
    assert sum(p.corrected[0] for p in found.values() if p.corrected) == pytest.approx(1)


def test_many_of_shares_are_corrected_label_by_label() -> None:
    """A label found with sensitivity 0.8 and specificity 0.9 in 0.31 of the rows is in 0.3 of them."""
    confusion = np.array([[[90, 10], [20, 80]], [[100, 0], [0, 100]]], dtype=float)
    counts = np.tile([31.0, 50.0], (10, 1))
    wall, court = prevalences(MANY, counts, np.full(10, 100.0), confusion)
    assert wall.corrected is not None
    assert wall.corrected[0] == pytest.approx(0.3, abs=0.001)
    assert court.corrected is not None
    assert court.corrected[0] == pytest.approx(0.5, abs=0.001)


def write_batch(folder: Path, form: str) -> Path:
    rows: list[dict[str, Any]] = [
        {"article": "a", "start": 0, "end": 5, "text": EVIL, "stance": "support", "policy": ["wall"], "uncertain": False,
         "holder": EVIL},
        {"article": "a", "start": 7, "end": 9, "text": "Two.", "stance": "oppose", "policy": [], "uncertain": True,
         "holder": "Lee Ortega"},
        {"article": "b", "start": 0, "end": 3, "text": "Three.", "stance": "neutral", "policy": ["wall", "court"],
         "uncertain": False, "holder": None}]
    folder.mkdir()
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), folder / "part-00000.parquet")
    elif form == "jsonl":
        (folder / "part-00000.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        import csv

        with (folder / "part-00000.csv").open("w", newline="") as out:
            writer = csv.DictWriter(out, rows[0])
            writer.writeheader()
            writer.writerows({**row, "policy": ";".join(row["policy"])} for row in rows)
    articles = [{"article": n, "title": EVIL if n == "a" else "", "outlet": EVIL, "date": "2025-01-02"} for n in "ab"]
    pq.write_table(pa.Table.from_pylist(articles), folder / "articles.parquet")
    manifest = {"state": "done", "task": TASK.model_dump(mode="json"), "articles": 2, "sentences": 3, "rejects": 0,
                "model": "m", "model_digest": "d" * 64, "codebook": "1", "options": {},
                "confusion": {"stance": [[8, 1, 1], [1, 8, 1], [1, 1, 8]]}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.parametrize("form", ["parquet", "jsonl", "csv"])
def test_every_format_gives_the_same_page(tmp_path: Path, form: str) -> None:
    """The page depends on the rows, not on the format they were written in."""
    expected = report_page(read_batch(write_batch(tmp_path / "p", "parquet")))
    assert report_page(read_batch(write_batch(tmp_path / "x", form))) == expected


def test_hostile_text_never_ends_the_data_or_becomes_markup(tmp_path: Path) -> None:
    """Titles, outlets and sentences full of markup are in the page as data only; nothing on it is fetched."""
    page = report_page(read_batch(write_batch(tmp_path / "b", "parquet")))
    assert "<script>alert" not in page
    assert page.count("</script>") == 2
    assert "49" not in re.sub(r"\"[A-Za-z0-9+/=]{60,}\"", "", page).split("By outlet")[1].split("</table>")[0]
    assert not re.search(r"(?:src|href)=", page)
    packed = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    block = json.loads(gzip.decompress(base64.b64decode(packed["blocks"][0])))
    assert block[0][0] == [EVIL, ["support", ["wall"]], 0, 0]
    assert block[0][1] == ["Two.", ["oppose", []], 1, 2]


def test_a_holder_is_text_on_the_page(tmp_path: Path) -> None:
    """Who says it is listed with labels, and markup in a name stays text."""
    page = report_page(read_batch(write_batch(tmp_path / "b", "csv")))
    table = page.split("Who says it")[1].split("</table>")[0]
    assert "<bdi>Lee Ortega</bdi>" in table
    assert "&lt;script&gt;alert(1)" in table
    assert "<script" not in table
    assert "{{ 7*7 }}" in table


def test_voices_are_joined_by_last_name_or_body() -> None:
    """A person's names share a line with all their labels; pronouns have none."""
    rows = [{"holder": holder, "stance": stance, "policy": policy} for holder, stance, policy in (
        ("President Lee Ortega", "support", ["wall"]), ("Ortega", "support", []), ("Ortega", "neutral", ["wall", "court"]),
        ("Supreme Court", "oppose", ["court"]), ("U.S. Supreme Court", "oppose", []), ("he", "oppose", []),
        (None, "oppose", []), ("", "oppose", []))]
    first, second = voices(TASK, rows)
    assert (first.name, first.sentences) == ("Ortega", 3)
    assert first.counts == {"stance": {"support": 2, "oppose": 0, "neutral": 1}, "policy": {"wall": 2, "court": 1}}
    assert (second.name, second.sentences) == ("Supreme Court", 2)


def test_people_who_share_a_last_name_are_told_apart() -> None:
    """Two initials make two lines, and a bare last name a third unless nearly all mentions are one person's."""
    def lines(*holders: str) -> list[tuple[str, int]]:
        found = voices(TASK, [{"holder": holder, "stance": "support", "policy": []} for holder in holders])
        return [(voice.name, voice.sentences) for voice in found]

    assert lines("Speaker Ann Cole", "Mayor Ben Cole", "Cole", "Cole", "Cole") == [
        ("Cole", 3), ("Speaker Ann Cole", 1), ("Mayor Ben Cole", 1)]
    assert lines(*["Ann Cole"] * 9, "Ben Cole", "Cole") == [("Ann Cole", 10), ("Ben Cole", 1)]


@pytest.mark.parametrize(("holder", "name"), [
    ("Homeland Security Secretary Dana Cole", ("cole", "d")), ("Cole", ("cole", "")), ("Mr. Cole", ("cole", "")),
    ("White House", ("white house", "")), ("House", ("house", "")), ("Bob Casey Jr.", ("casey", "b")),
    ("county's sheriff", ("county sheriff", "")), ("President", ("president", "")),
    ("Department of Homeland Security", ("department of homeland security", "")),
    ("Trump administration", ("trump administration", "")), ("Pelosi's office", ("pelosi office", "")),
    ("House Republicans", ("house republicans", "")), ("Sen. Dick Durbin of Illinois", ("durbin", "d")),
    ("U.S. Supreme Court", ("supreme court", "")), ("...", ("...", ""))])
def test_titles_go_and_words_of_a_body_stay(holder: str, name: tuple[str, str]) -> None:
    """People go by last name and initial, all else by its words."""
    assert name_of(holder) == name


def test_the_summary_counts_shares(tmp_path: Path) -> None:
    """What MLflow shows of a batch are plain shares."""
    found = summary(read_batch(write_batch(tmp_path / "b", "jsonl")))
    assert found["share/stance/support"] == pytest.approx(1 / 3)
    assert found["share/policy/wall"] == pytest.approx(2 / 3)
    assert found["share/uncertain"] == pytest.approx(1 / 3)


def test_a_folder_that_is_no_finished_batch_is_refused(tmp_path: Path) -> None:
    """A missing manifest and an unfinished batch are told apart."""
    with pytest.raises(OutputError, match="missing or damaged"):
        read_batch(tmp_path)
    folder = write_batch(tmp_path / "b", "jsonl")
    (folder / "manifest.json").write_text((folder / "manifest.json").read_text().replace("done", "running"))
    with pytest.raises(OutputError, match="not finished"):
        read_batch(folder)
