"""To people and back: Label Studio's tasks, configuration and export, and spreadsheets."""

import csv
import re
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from pipeline.errors import DataError
from pipeline.parse import parse_json
from pipeline.review import Item, merge
from pipeline.task import Task

#: Cells that a spreadsheet would run as a formula, and such as were kept from it by an apostrophe.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_CONTEXT = ("id", "article", "index", "title", "previous", "text")


def labelling_config(task: Task) -> str:
    """Label Studio's XML for the heads of ``task``: radio buttons for a one-of head, boxes for a many-of head."""
    heads = "\n".join(
        f"  <Header value={quoteattr(name)}/>\n  <Choices name={quoteattr(name)} toName=\"text\" "
        f"choice=\"{'single-radio' if head.kind == 'one' else 'multiple'}\" "
        f"required=\"{str(head.kind == 'one').lower()}\">\n"
        + "\n".join(f"    <Choice value={quoteattr(label)}/>" for label in head.labels) + "\n  </Choices>"
        for name, head in task.heads.items())
    return ('<View>\n  <Header value="$title" size="4"/>\n  <Text name="previous" value="$previous"/>\n'
            f'  <Text name="text" value="$text" highlightColor="#ffd"/>\n{heads}\n</View>\n')


def to_tasks(task: Task, items: list[Item], version: str) -> list[dict[str, Any]]:
    """Label Studio tasks, with the model's labels as predictions under the name ``version``."""
    return [{"data": {key: item.get(key, "") for key in _CONTEXT},
             "predictions": [{"model_version": version, "result": _choices(task, item["model"])}] if "model" in item else []}
            for item in items]


def from_export(task: Task, path: Path) -> list[Item]:
    """Labelled rows from Label Studio's JSON export; every annotation stays in its row. Skipped tasks are left out."""
    try:
        exported = parse_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a JSON export ({error})") from None
    if not isinstance(exported, list):
        raise DataError(f"{path}: {type(exported).__name__}, not a list of tasks; export it as JSON")
    rows = []
    for number, found in enumerate(exported, 1):
        try:
            notes = [{"by": _person(note), **_answers(task, note["result"])}
                     for note in found["annotations"] if not note.get("was_cancelled")]
            if notes:
                rows.append(merge(task, _with_text(found["data"]), notes))
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path}: task {number}: {error} is missing; export it as JSON, not JSON-MIN") from None
        except DataError as error:
            raise DataError(f"{path}: task {number}: {error}") from None
    return rows


def write_sheet(task: Task, items: list[Item], path: Path) -> None:
    """A CSV for people: context, sentence, the model's labels (to be corrected), several labels joined by ``;``.

    Cells that a spreadsheet would run as a formula get an apostrophe in front, which ``read_sheet`` takes off again.
    """
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([*_CONTEXT, *task.heads])
        for item in items:
            answers = item.get("model") or {name: item.get(name, "") for name in task.heads}
            cells = [item.get(key, "") for key in _CONTEXT]
            cells += [";".join(answers[name]) if isinstance(answers[name], list) else answers[name] for name in task.heads]
            writer.writerow([f"'{cell}" if _FORMULA.match(str(cell)) else cell for cell in cells])


def read_sheet(task: Task, path: Path, by: str) -> list[Item]:
    """Labelled rows of a CSV as ``write_sheet`` makes it, all annotated by ``by``. Raises DataError naming the line."""
    rows = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            for cells in reader:
                raw = {key: cell[1:] if isinstance(cell, str) and cell[:1] == "'" and _FORMULA.match(cell) else cell
                       for key, cell in cells.items()}
                note: dict[str, Any] = {"by": by}
                for name, head in task.heads.items():
                    cell = raw[name] or ""
                    note[name] = [x.strip() for x in cell.split(";") if x.strip()] if head.kind == "many" else cell.strip()
                try:
                    index = int(raw["index"]) if (raw.get("index") or "").isdecimal() else raw.get("index")
                    rows.append(merge(task, _with_text({**raw, "index": index}), [note]))
                except DataError as error:
                    raise DataError(f"{path}:{reader.line_num}: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    except KeyError as error:
        raise DataError(f"{path}: column {error} is missing") from None
    except csv.Error as error:
        raise DataError(f"{path}: not CSV: {error}") from None
    return rows


def _with_text(item: Item) -> Item:
    if not isinstance(item["text"], str) or not item["text"]:
        raise DataError(f"text {item['text']!r} is not a sentence")
    return item


def _choices(task: Task, answers: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"from_name": name, "to_name": "text", "type": "choices",
             "value": {"choices": answers[name] if isinstance(answers[name], list) else [answers[name]]}}
            for name in task.heads if answers.get(name)]


def _answers(task: Task, result: list[dict[str, Any]]) -> dict[str, Any]:
    found = {part["from_name"]: part["value"]["choices"] for part in result if part.get("type") == "choices"}
    answers: dict[str, Any] = {}
    for name, head in task.heads.items():
        chosen = found.get(name, [])
        if head.kind == "one" and len(chosen) != 1:
            raise DataError(f"{name} {chosen!r} must be exactly one of {', '.join(head.labels)}")
        answers[name] = chosen[0] if head.kind == "one" else chosen
    return answers


def _person(note: dict[str, Any]) -> str:
    who = note.get("completed_by", "")
    return str(who.get("email") or who.get("id")) if isinstance(who, dict) else str(who)
