"""The labelling loop with what people use: Label Studio's own server, a spreadsheet, a real terminal."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from labelstudio import Person, label_studio
from projects import ended, stance
from servers import Server
from terminals import Terminal, wait

from pipeline.review import read_items, write_items

AWKWARD = 'He said: “No <b>wall</b> &amp; no "deal"; ever,”\n\u2028then left – ¿por qué? 🙂  '
#: What is sent to people: context, signs that XML, JSON and CSV treat specially, a row with nothing but its text.
ITEMS: list[dict[str, Any]] = [
    {"id": "a:0", "article": "a", "index": 0, "title": "Judge & <wall>", "text": "The judge blocked the order.",
     "model": {"stance": "oppose", "policy": ["judiciary", "wall"]}},
    {"id": "a:1", "article": "a", "index": 1, "title": "Judge & <wall>", "previous": "The judge blocked the order.",
     "text": AWKWARD, "model": {"stance": "neutral", "policy": []}},
    {"text": "=1+1 is how the senator counts votes for the wall."},
    {"id": "b:7", "article": "b", "index": 7, "text": "Nobody wants to judge this one."},
]
CONTEXT = ("id", "article", "index", "title", "previous", "text")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with label_studio(tmp_path_factory.mktemp("label-studio")) as running:
        yield running


def run(folder: Path, *arguments: str) -> str:
    """Output of a ``stance`` command that succeeds."""
    code, output = ended(stance(folder, *arguments))
    assert code == 0, output
    return output


def context(row: dict[str, Any]) -> dict[str, Any]:
    """What a row says of the sentence itself."""
    return {key: row[key] for key in CONTEXT if row.get(key) not in (None, "")}


def test_label_studio_takes_the_export_and_its_own_comes_back_whole(server: Server, project: Path) -> None:
    """Two people answer in a real Label Studio; texts, context and every answer return, agreement and conflict are told."""
    write_items(ITEMS, project / "picks.jsonl")
    task = ("--task", "configs/task.yaml")
    run(project, "review", "export", "picks.jsonl", "--out", "ls", *task)
    ann, bob = Person(server, "ann@example.org"), Person(server, "bob@example.org")
    made = ann.ask("POST", "projects/", {"title": "Stance", "label_config": (project / "ls/config.xml").read_text()})
    tasks = json.loads((project / "ls/tasks.json").read_text())
    ids = ann.ask("POST", f"projects/{made['id']}/import?return_task_ids=true", tasks)["task_ids"]
    predicted = [ann.ask("GET", f"tasks/{at}/")["predictions"] for at in ids]
    assert [[part["value"]["choices"] for part in each[0]["result"]] if each else [] for each in predicted] == [
        [["oppose"], ["judiciary", "wall"]], [["neutral"]], [], []]

    ann.annotate(ids[0], {"stance": ["oppose"], "policy": ["judiciary", "wall"]})
    bob.annotate(ids[0], {"stance": ["oppose"], "policy": ["wall", "judiciary"]})
    ann.annotate(ids[1], {"stance": ["support"], "policy": ["wall"]})
    bob.annotate(ids[1], {"stance": ["neutral"]})
    bob.annotate(ids[2], {"stance": ["support"], "policy": ["wall"]})
    ann.skip(ids[2])
    bob.skip(ids[3])
    exported = ann.ask("GET", f"projects/{made['id']}/export?exportType=JSON")
    (project / "export.json").write_text(json.dumps(exported))

    said = run(project, "review", "import", "export.json", "--out", "mine.jsonl", *task)
    assert "Krippendorff's alpha" in said
    assert "mine.jsonl has 2 rows; 1 conflicts in mine.conflicts.jsonl" in said
    agreed, (disputed,) = read_items(project / "mine.jsonl"), read_items(project / "mine.conflicts.jsonl")
    assert [context(row) for row in (agreed[0], disputed, agreed[1])] == [context(item) for item in ITEMS[:3]]
    assert disputed["conflict"] == ["stance", "policy"]
    first, second = (str(person.ask("GET", "current-user/whoami")["id"]) for person in (ann, bob))
    assert sorted(disputed["annotations"], key=lambda note: note["by"]) == [
        {"by": first, "stance": "support", "policy": ["wall"]}, {"by": second, "stance": "neutral", "policy": []}]
    assert [(row["stance"], sorted(row["policy"]), len(row["annotations"])) for row in agreed] == [
        ("oppose", ["judiciary", "wall"], 2), ("support", ["wall"], 1)]

    before = (project / "mine.jsonl").read_bytes(), (project / "mine.conflicts.jsonl").read_bytes()
    run(project, "review", "import", "export.json", "--out", "mine.jsonl", *task)
    assert ((project / "mine.jsonl").read_bytes(), (project / "mine.conflicts.jsonl").read_bytes()) == before


def test_sheets_of_two_people_meet_and_the_result_trains(project: Path) -> None:
    """Two filled-in CSVs become one labelled file and its conflicts, appended to a corpus on which a model trains."""
    write_items(ITEMS[:2], project / "sheet.jsonl")
    task = ("--task", "configs/task.yaml")
    run(project, "review", "export", "sheet.jsonl", "--out", "sheet.csv", *task)
    with (project / "sheet.csv").open(encoding="utf-8", newline="") as lines:
        ann = list(csv.DictReader(lines))
    assert [(row["text"], row["stance"], row["policy"]) for row in ann] == [
        (ITEMS[0]["text"], "oppose", "judiciary;wall"), (AWKWARD, "neutral", "")]
    for name, stances in (("ann", ("oppose", "support")), ("bob", ("oppose", "neutral"))):
        with (project / f"{name}.csv").open("w", encoding="utf-8-sig", newline="") as out:
            writer = csv.DictWriter(out, list(ann[0]))
            writer.writeheader()
            writer.writerows({**row, "stance": chosen} for row, chosen in zip(ann, stances, strict=True))
    corpus = (project / "d.jsonl").read_bytes()
    run(project, "review", "import", "ann.csv", "--by", "ann", "--out", "d.jsonl", *task)
    said = run(project, "review", "import", "bob.csv", "--by", "bob", "--out", "d.jsonl", *task)
    assert "1 conflicts in d.conflicts.jsonl" in said
    assert (project / "d.jsonl").read_bytes().startswith(corpus)
    (disputed,) = read_items(project / "d.conflicts.jsonl")
    assert (context(disputed), disputed["conflict"]) == (context(ITEMS[1]), ["stance"])
    assert {note["by"]: note["stance"] for note in disputed["annotations"]} == {"ann": "support", "bob": "neutral"}
    run(project, "train", "--data", "d.jsonl", "--gate", "gate.yaml", "--config", "tfidf.yaml")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    shell = Terminal(tmp_path)
    try:
        yield shell
    finally:
        shell.close()


TASK = """name: t
codebook: "1"
heads:
  side: {kind: one, labels: [for, against, skip]}
  topics: {kind: many, labels: [wall, court]}
"""


def start_labelling(terminal: Terminal) -> None:
    """Run ``stance review label`` until it asks its first question."""
    terminal.clear()
    terminal.type("stance review label in.jsonl --out out.jsonl --task t.yaml")
    terminal.wait_for_line("side:")


def answers(folder: Path) -> list[tuple[str, str, list[str]]]:
    """What is on disk at this moment."""
    return [(row["text"], row["side"], row["topics"]) for row in read_items(folder / "out.jsonl")]


@pytest.fixture
def sentences(tmp_path: Path) -> Path:
    """A folder with a task and four sentences."""
    (tmp_path / "t.yaml").write_text(TASK)
    write_items([{"text": word, "title": "T"} for word in ("One.", "Two.", "Three.", "Four.")], tmp_path / "in.jsonl")
    return tmp_path


def test_labels_undo_skip_and_quit_in_a_real_terminal(terminal: Terminal, sentences: Path) -> None:
    """The screen shows progress, sentence and keys; each answer is on disk before the next question is asked."""
    start_labelling(terminal)
    assert terminal.screen().splitlines()[-4:] == ["[1 of 4] T", "", "> One.", "side: 1 for  2 against  3 skip"]
    terminal.press("1")
    terminal.wait_for_line("topics: 1 wall  2 court  (Enter ends)")
    terminal.press("1", "2", "1", "Down", "DC", "Enter")  # what is chosen twice is taken back; other keys do nothing
    terminal.wait_for("[2 of 4]")
    assert answers(sentences) == [("One.", "for", ["court"])]
    terminal.press("u")
    terminal.wait_for("[1 of 4]", times=2)
    assert answers(sentences) == []
    terminal.press("3", "Enter")  # typed ahead, and a label with the name of a command
    terminal.wait_for("[2 of 4]", times=2)
    assert answers(sentences) == [("One.", "skip", [])]
    terminal.press("s")
    terminal.wait_for("[3 of 4]")
    terminal.press("2", "1", "Enter")
    terminal.wait_for("[4 of 4]")
    terminal.press("q")
    terminal.wait_for_line("$")
    assert "2 labelled in out.jsonl" in terminal.screen()
    assert answers(sentences) == [("One.", "skip", []), ("Three.", "against", ["wall"])]
    terminal.clear()
    terminal.type("stty -a | grep -o ' icanon'")
    wait(lambda: " icanon" in terminal.screen().splitlines(), terminal.screen)


def test_a_killed_session_loses_no_answer_and_goes_on(terminal: Terminal, sentences: Path) -> None:
    """After a SIGKILL in the middle of a sentence all finished ones are on disk, and the next session asks for the rest."""
    start_labelling(terminal)
    terminal.press("1", "1", "Enter", "s", "2", "Enter")
    terminal.wait_for("[4 of 4]")
    terminal.press("2")
    terminal.wait_for_line("topics:")
    terminal.kill()
    terminal.wait_for("Killed")
    assert answers(sentences) == [("One.", "for", ["wall"]), ("Three.", "against", [])]
    start_labelling(terminal)
    assert terminal.screen().splitlines()[-4:] == ["[3 of 4] T", "", "> Two.", "side: 1 for  2 against  3 skip"]
    terminal.press("1", "Enter", "2", "2", "Enter")
    terminal.wait_for_line("$")
    assert "4 labelled in out.jsonl" in terminal.screen()
    assert answers(sentences)[2:] == [("Two.", "for", []), ("Four.", "against", ["court"])]
    assert sorted(path.name for path in sentences.iterdir()) == ["in.jsonl", "out.jsonl", "t.yaml"]
