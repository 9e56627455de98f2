"""The labelling loop: picks are varied and never repeat, and what goes to people comes back without loss."""

import json
import random
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli import main
from pipeline.errors import DataError
from pipeline.review import combine, merge, read_items, write_items
from pipeline.review.exchange import from_export, labelling_config, read_sheet, to_tasks, write_sheet
from pipeline.review.select import select
from pipeline.task import Head, Task

TASK = Task(name="t", codebook="1", heads={"side": Head(kind="one", labels=("for", "against", "none")),
                                           "topics": Head(kind="many", labels=("wall", "court & law"))})
WORDS = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo", "lima",
         "mike", "november", "oscar", "papa"]


def item(i: int, margin: float = 0.8) -> dict[str, Any]:
    text = " ".join(random.Random(i).choices(WORDS, k=9))
    return {"id": f"a:{i}", "article": "a", "index": i, "title": "T", "previous": "P.", "text": text,
            "model": {"side": "for", "topics": ["wall"]},
            "scores": {"side/for": 0.5 + margin / 2, "side/against": 0.5 - margin / 2, "side/none": 0.0,
                       "topics/wall": 0.99, "topics/court & law": 0.01}}


def test_picks_are_doubtful_diverse_and_random_and_say_why() -> None:
    """Of two hundred sentences thirty are picked; those the model doubts are among them; each says why."""
    items = [item(i, margin=0.02 if i < 8 else 0.8) for i in range(200)]
    picked = select(TASK, items, 30, [])
    assert len(picked) == 30
    assert {f"a:{i}" for i in range(8)} <= {p["id"] for p in picked}
    assert {p["why"].split(":")[0] for p in picked} == {"uncertain", "diverse", "random"}
    assert picked == select(TASK, items, 30, [])


def test_nothing_alike_is_picked_twice_or_again() -> None:
    """Near-copies of a labelled sentence, or of one another, are left out."""
    items = [item(0), {**item(0), "id": "copy", "text": item(0)["text"] + "."}, item(1), item(2)]
    picked = select(TASK, items, 4, [item(1)["text"].upper()])
    assert sorted(p["text"].rstrip(".") for p in picked) == sorted([item(0)["text"], item(2)["text"]])


@given(st.lists(st.tuples(st.sampled_from(TASK.heads["side"].labels), st.sets(st.sampled_from(TASK.heads["topics"].labels)),
                          st.text(min_size=1, max_size=30)), min_size=1, max_size=5))
def test_label_studio_round_trip_loses_nothing(tmp_path_factory: pytest.TempPathFactory, answers: list[Any]) -> None:
    """Tasks out, answered as Label Studio exports them, and back: labels, people and context are as given."""
    items = [{**item(i), "text": text} for i, (_, _, text) in enumerate(answers)]
    exported = [{"data": task["data"], "annotations": [
        {"completed_by": {"id": 1, "email": who}, "was_cancelled": False, "result": [
            {"from_name": "side", "to_name": "text", "type": "choices", "value": {"choices": [side]}},
            *([{"from_name": "topics", "to_name": "text", "type": "choices", "value": {"choices": sorted(topics)}}]
              if topics else [])]} for who in ("x@y", "z@y")]}
        for task, (side, topics, _) in zip(to_tasks(TASK, items, "m"), answers, strict=True)]
    path = tmp_path_factory.mktemp("ls") / "export.json"
    path.write_text(json.dumps(exported))
    for row, (side, topics, text) in zip(from_export(TASK, path), answers, strict=True):
        assert (row["side"], row["topics"], row["text"], row["previous"]) == (side, sorted(topics), text, "P.")
        assert [note["by"] for note in row["annotations"]] == ["x@y", "z@y"]
        assert "conflict" not in row


def test_a_file_survives_every_sign_a_sentence_may_hold(tmp_path: Path) -> None:
    """Line ends that are not JSONL's, as U+2028 or U+0085, come back as written."""
    rows = [{"text": "One\u2028two\x85three\x0bfour\nfive\r\nsix"}, {"text": "Seven."}]
    write_items(rows, tmp_path / "rows.jsonl")
    assert read_items(tmp_path / "rows.jsonl") == rows


def test_people_who_come_later_are_added_and_the_same_import_twice_changes_nothing() -> None:
    """Annotations of a sentence meet in one row, whoever differs makes a conflict, and other rows stay as they are."""
    hand = {"text": "By hand.", "side": "for", "topics": [], "event": "e"}
    first = {"event": "e", **merge(TASK, item(0), [{"by": "x", "side": "for", "topics": ["wall"]}])}
    second = merge(TASK, item(0), [{"by": "z", "side": "none", "topics": ["wall"]}])
    assert combine(TASK, [hand, first], [first]) == [hand, first]
    both = combine(TASK, [hand, first], [second])
    assert both == [hand, {**first, "annotations": first["annotations"] + second["annotations"], "conflict": ["side"]}]
    assert combine(TASK, both, [second]) == both


def test_one_person_decides_a_conflict() -> None:
    """The label is the decider's, all annotations stay, and a later import does not open the conflict again."""
    notes = [{"by": who, "side": side, "topics": []} for who, side in (("x", "for"), ("z", "none"), ("judge", "none"))]
    row = merge(TASK, {**item(0), "decided": "judge"}, notes)
    assert (row["side"], row["annotations"], row["decided"], "conflict" in row) == ("none", notes, "judge", False)
    (again,) = combine(TASK, [row, merge(TASK, item(0), notes[:2])], [merge(TASK, item(0), notes[:2])])
    assert (again["side"], again["decided"], "conflict" in again) == ("none", "judge", False)


def test_annotators_who_differ_are_a_conflict() -> None:
    """All annotations are kept, and the heads in dispute are named."""
    row = merge(TASK, item(0), [{"by": "x", "side": "for", "topics": []}, {"by": "z", "side": "none", "topics": []}])
    assert row["conflict"] == ["side"]
    assert len(row["annotations"]) == 2


def test_the_labelling_config_follows_the_task() -> None:
    """The XML is well formed, with one radio group and one group of boxes and every label, quoted as need be."""
    choices = ElementTree.fromstring(labelling_config(TASK)).findall("Choices")
    assert [(c.get("name"), c.get("choice")) for c in choices] == [("side", "single-radio"), ("topics", "multiple")]
    assert [x.get("value") for x in choices[1]] == ["wall", "court & law"]


def test_a_spreadsheet_comes_back_as_it_went(tmp_path: Path) -> None:
    """Labels in a CSV survive, and a wrong one is named with its line."""
    write_sheet(TASK, [item(0), item(1)], tmp_path / "s.csv")
    rows = read_sheet(TASK, tmp_path / "s.csv", "me")
    expected = [("for", ["wall"], item(i)["text"]) for i in (0, 1)]
    assert [(row["side"], row["topics"], row["text"]) for row in rows] == expected
    (tmp_path / "s.csv").write_text((tmp_path / "s.csv").read_text().replace("for,wall", "fore,wall", 1))
    assert [row["index"] for row in rows] == [0, 1]
    with pytest.raises(DataError, match=r"s.csv:2: side 'fore' is not one of for, against, none"):
        read_sheet(TASK, tmp_path / "s.csv", "me")


def test_labelling_in_the_terminal_saves_undoes_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys choose labels, u takes the last answer back, s skips, q stops, and a second run asks only for the rest."""
    (tmp_path / "t.yaml").write_text("name: t\ncodebook: '1'\nheads:\n  side: {kind: one, labels: [for, against]}\n"
                                     "  topics: {kind: many, labels: [wall, court]}\n")
    write_items([{"text": text} for text in ("One.", "Two.", "Three.")], tmp_path / "in.jsonl")
    arguments = ["stance", "review", "label", str(tmp_path / "in.jsonl"), "--out", str(tmp_path / "out.jsonl"),
                 "--by", "me", "--task", str(tmp_path / "t.yaml")]

    def press(keys: str) -> None:
        (tmp_path / "keys").write_text(keys)
        monkeypatch.setattr(sys, "argv", arguments)
        with (tmp_path / "keys").open() as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            with pytest.raises(SystemExit) as leave:
                main()
        assert not leave.value.code

    press("12\r" + "u" + "21\r" + "s" + "q")
    assert [(row["text"], row["side"], row["topics"]) for row in read_items(tmp_path / "out.jsonl")] == [
        ("One.", "against", ["wall"])]
    press("1\r" + "2\r")
    rows = read_items(tmp_path / "out.jsonl")
    assert [(row["text"], row["side"], row["annotations"][0]["by"]) for row in rows] == [
        ("One.", "against", "me"), ("Two.", "for", "me"), ("Three.", "against", "me")]
