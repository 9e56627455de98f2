"""The labelling loop: what to label next (``select``), and to people and back (``exchange``)."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import DataError
from pipeline.parse import parse_json
from pipeline.task import Task, encode_label

Item = dict[str, Any]


def read_items(path: Path) -> list[Item]:
    """Rows of a JSONL file of selected or labelled sentences. Raises DataError that names file and line."""
    items = []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # a sentence may hold other line ends (U+2028)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            item = parse_json(line)
            if not isinstance(item["text"], str):
                raise TypeError
        except (ValueError, KeyError, TypeError):
            raise DataError(f"{path}:{number}: not a JSON object with a 'text'") from None
        items.append(item)
    return items


def write_items(items: Sequence[Item], path: Path) -> None:
    """Rows as JSONL. Whoever is killed in between leaves the file as it was."""
    new = path.with_name(f".{path.name}.new")
    with new.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(item, ensure_ascii=False) + "\n" for item in items)
        out.flush()
        os.fsync(out.fileno())
    new.replace(path)


def merge(task: Task, item: Item, annotations: list[dict[str, Any]]) -> Item:
    """A labelled row from one sentence and everybody's annotations, all of which stay in it.

    The label is what all say; where they differ on a head, ``conflict`` names the heads and the label is the first
    annotator's, to be adjudicated: what the person says whom ``decided`` names is the label and ends the conflict.
    Raises DataError when a label is unknown.
    """
    kept = ("article", "index", "title", "previous", "text", "id", "decided")
    row = {key: item[key] for key in kept if item.get(key) not in (None, "")}
    verdict = next((note for note in annotations if note.get("by") == row.get("decided")), None)
    conflicts = []
    for name, head in task.heads.items():
        answers = [note.get(name, [] if head.kind == "many" else None) for note in annotations]
        coded = [encode_label(head, name, answer) for answer in answers]
        row[name] = answers[annotations.index(verdict) if verdict else 0]
        if not verdict and any(code != coded[0] for code in coded):
            conflicts.append(name)
    row["annotations"] = annotations
    if conflicts:
        row["conflict"] = conflicts
    return row


def combine(task: Task, old: Sequence[Item], new: Sequence[Item]) -> list[Item]:
    """``old`` rows and ``new`` ones, one row for each sentence that people annotated, in order of first appearance.

    What a person says later takes the place of what they said of that sentence before, so that the same import
    twice changes nothing. Rows without annotations stay as they are. Raises DataError when a label is unknown.
    """
    rows: list[Item] = []
    at: dict[tuple[str, str], int] = {}
    for row in [*old, *new]:
        found = at.setdefault(_sentence(row), len(rows)) if row.get("annotations") else len(rows)
        if found == len(rows):
            rows.append(row)
            continue
        known = {key: value for key, value in rows[found].items() if key != "conflict"}
        people = {note.get("by") for note in row["annotations"]}
        notes = [note for note in known["annotations"] if note.get("by") not in people] + row["annotations"]
        rows[found] = known | merge(task, known, notes)
    return rows


def _sentence(row: Item) -> tuple[str, str]:
    return str(row.get("article") or ""), row["text"]
