"""The labelling loop: what to label next (``select``), and to people and back (``exchange``)."""

import json
from pathlib import Path
from typing import Any

from pipeline.errors import DataError
from pipeline.task import Task, encode_label

Item = dict[str, Any]


def read_items(path: Path) -> list[Item]:
    """Rows of a JSONL file of selected or labelled sentences. Raises DataError that names file and line."""
    items = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    for number, line in enumerate(lines, 1):
        try:
            item = json.loads(line)
            if not isinstance(item["text"], str):
                raise TypeError
        except (ValueError, KeyError, TypeError):
            raise DataError(f"{path}:{number}: not a JSON object with a 'text'") from None
        items.append(item)
    return items


def write_items(items: list[Item], path: Path) -> None:
    """Rows as JSONL."""
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items), encoding="utf-8")


def merge(task: Task, item: Item, annotations: list[dict[str, Any]]) -> Item:
    """A labelled row from one sentence and everybody's annotations, all of which stay in it.

    The label is what all say; where they differ on a head, ``conflict`` names the heads and the label is the first
    annotator's, to be adjudicated. Raises DataError when a label is unknown.
    """
    kept = ("article", "index", "title", "previous", "text", "id")
    row = {key: item[key] for key in kept if item.get(key) not in (None, "")}
    conflicts = []
    for name, head in task.heads.items():
        answers = [note.get(name, [] if head.kind == "many" else None) for note in annotations]
        coded = [encode_label(head, name, answer) for answer in answers]
        row[name] = answers[0]
        if any(code != coded[0] for code in coded):
            conflicts.append(name)
    row["annotations"] = annotations
    if conflicts:
        row["conflict"] = conflicts
    return row
