"""Labelled files: read, checked, split, fingerprinted."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from pipeline.audit import agreement, refuse_leaks
from pipeline.corpus import read_corpus, split_of
from pipeline.errors import DataError
from pipeline.task import Task

ROWS: list[dict[str, Any]] = [
    {"article": "a1", "index": 0, "text": "The mayor will sue.", "stance": "oppose", "policy": ["judiciary"]},
    {"article": "a1", "index": 1, "text": "He said so on Friday.", "stance": "neutral", "policy": []},
    {"article": "a2", "index": 0, "text": "Build it, she said.", "stance": "support", "policy": ["wall", "enforcement"]},
]


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_same_rows_are_read_from_jsonl_csv_and_parquet(tmp_path: Path, task: Task) -> None:
    """The format of a labelled file changes nothing of what is read."""
    jsonl = write_jsonl(tmp_path / "d.jsonl", ROWS)
    with (tmp_path / "d.csv").open("w", newline="") as out:
        writer = csv.DictWriter(out, ROWS[0])
        writer.writeheader()
        writer.writerows({**row, "policy": "; ".join(row["policy"])} for row in ROWS)
    parquet.write_table(pa.Table.from_pylist(ROWS), tmp_path / "d.parquet")
    prints = {read_corpus([path], task).fingerprint() for path in (jsonl, tmp_path / "d.csv", tmp_path / "d.parquet")}
    assert len(prints) == 1


def test_the_preceding_sentence_and_the_title_are_filled_in(tmp_path: Path, task: Task) -> None:
    """Article and index imply the preceding sentence; articles.jsonl gives the title; a row's own word wins."""
    write_jsonl(tmp_path / "articles.jsonl", [{"article": "a1", "title": "City to sue", "event": "e1"}])
    rows = [*ROWS, {**ROWS[1], "index": 2, "previous": "Mine.", "title": "Other"}]
    corpus = read_corpus([write_jsonl(tmp_path / "sentences.jsonl", rows)], task)
    assert [row.sentence.previous for row in corpus.rows] == ["", "The mayor will sue.", "", "Mine."]
    assert [row.sentence.title for row in corpus.rows] == ["City to sue", "City to sue", "", "Other"]
    assert corpus.rows[0].event == "e1"


@pytest.mark.parametrize(("change", "message"), [
    ({"stance": "pro"}, "d.jsonl:2: stance 'pro' is not one of support, oppose, neutral"),
    ({"policy": ["fence"]}, "d.jsonl:2: policy 'fence' is not one of enforcement, wall, sanctuary_funding, judiciary"),
    ({"text": " "}, "d.jsonl:2: text ' ' is not a sentence"),
    ({"split": "dev"}, "d.jsonl:2: split 'dev' is not one of train, valid, test"),
    ({"index": "third"}, "d.jsonl:2: index 'third' is not a whole number"),
    ({"weight": -1}, "d.jsonl:2: weight -1 is not a number of 0 or more"),
])
def test_a_bad_row_is_named_by_file_line_value_and_what_was_allowed(
        tmp_path: Path, task: Task, change: dict[str, Any], message: str) -> None:
    """The error is one line that says where, what and what was allowed."""
    path = write_jsonl(tmp_path / "d.jsonl", [ROWS[0], {**ROWS[1], **change}, ROWS[2]])
    with pytest.raises(DataError) as error:
        read_corpus([path], task)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("name", "content", "message"), [
    ("d.jsonl", b'{"text": \n', "d.jsonl:1: not JSON"),
    ("d.jsonl", b"[1]\n", "d.jsonl:1: list, not an object"),
    ("d.jsonl", b'{"text": "caf\xe9"}\n', "d.jsonl: not UTF-8"),
    ("d.jsonl", b"", "no labelled sentence found"),
    ("d.jsonl", b'{"text": "Hello."}\n', "d.jsonl:1: column 'stance' is missing; the row has text"),
    ("d.txt", b"", "ending '.txt' is not one of .jsonl, .csv, .parquet"),
    ("d.parquet", b"PAR", "d.parquet: not Parquet"),
])
def test_an_unreadable_file_is_a_clear_error(tmp_path: Path, task: Task, name: str, content: bytes, message: str) -> None:
    """Broken files end in one line that names them."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as error:
        read_corpus([tmp_path / name], task)
    assert message in str(error.value)


def test_columns_can_be_mapped(tmp_path: Path, task: Task) -> None:
    """A file with other column names is read through a mapping."""
    path = write_jsonl(tmp_path / "d.jsonl", [{"body": "Build it.", "side": "support", "policy": []}])
    corpus = read_corpus([path], task, columns={"text": "body", "stance": "side"})
    assert corpus.rows[0].sentence.text == "Build it."


@given(st.text())
def test_the_split_of_an_event_never_changes(event: str) -> None:
    """An event's split depends on its name alone."""
    assert split_of(event) == split_of(event)
    assert split_of(event) in {"train", "valid", "test"}


def test_splits_have_their_shares() -> None:
    """Of many events about eight in ten are for training, one for valid, one for test."""
    splits = [split_of(f"event-{i}") for i in range(5000)]
    assert 0.78 < splits.count("train") / 5000 < 0.82
    assert 0.08 < splits.count("test") / 5000 < 0.12


def test_near_duplicates_across_splits_are_refused(tmp_path: Path, task: Task) -> None:
    """A sentence of the test split that is nearly one of the training split is a leak."""
    text = "The department said agents had arrested 41 people in a raid on a poultry plant."
    rows = [{"text": text, "stance": "neutral", "policy": ["enforcement"], "split": "train"},
            {"text": text.replace("41", "42"), "stance": "neutral", "policy": ["enforcement"], "split": "test"}]
    with pytest.raises(DataError, match=r"d.jsonl:1 \(train\) and .*d.jsonl:2 \(test\) are 9\d% the same"):
        refuse_leaks(read_corpus([write_jsonl(tmp_path / "d.jsonl", rows)], task))


def test_agreement_is_counted_from_the_annotations(tmp_path: Path, task: Task) -> None:
    """Two annotators who agree on everything have alpha and kappa 1; one disagreement lowers both."""
    notes = [{"by": who, "stance": "support", "policy": []} for who in "ab"]
    other = [{"by": who, "stance": "neutral", "policy": ["wall"]} for who in "ab"]
    split = [notes[0], {"by": "b", "stance": "neutral", "policy": []}]
    rows = [{"text": f"Sentence {i}.", "stance": "support", "policy": [], "annotations": n}
            for i, n in enumerate([notes, other, notes, other])]
    full = {tuple(r[:2]): r[2:4] for r in agreement(read_corpus([write_jsonl(tmp_path / "d.jsonl", rows)], task))}
    assert full[("stance", "(all)")] == [1.0, 1.0]
    assert full[("policy", "wall")] == [1.0, 1.0]
    rows[0]["annotations"] = split
    less = {tuple(r[:2]): r[2:4] for r in agreement(read_corpus([write_jsonl(tmp_path / "e.jsonl", rows)], task))}
    assert less[("stance", "(all)")][0] < 0.9
