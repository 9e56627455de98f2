"""Commands of the labelling loop: review select, export, import, label."""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.common import TASK, read_task, table

if TYPE_CHECKING:
    from pipeline.task import Head, Task

#: Keys of the labels, in order; q, u and s are taken.
_KEYS = "123456789abcdefghijklmnoprtvwxyz"


class _Command(Enum):
    QUIT, UNDO, SKIP = "q", "u", "s"


@click.group()
def review() -> None:
    """Choose what to label next, send it to people, bring it back."""


@review.command("select")
@click.argument("folder", metavar="DIR")
@click.option("--n", "count", default=200, show_default=True, help="How many sentences.")
@click.option("--out", default="review.jsonl", show_default=True, metavar="FILE")
@click.option("--other", metavar="M", help="A second model: pick where it disagrees with the batch's.")
@click.option("--known", default="seeds/sentences.jsonl", show_default=True, metavar="FILE",
              help="Labelled sentences that no pick may repeat.")
@click.option("--seed", default=0, show_default=True)
@TASK
def select_command(folder: str, count: int, out: str, other: str | None, known: str, seed: int, task_file: str) -> None:
    """Pick sentences of the scored batch DIR by doubt, disagreement, diversity and chance."""
    from pipeline.cli.training import named_model
    from pipeline.review import write_items
    from pipeline.review.select import known_texts, read_scored, select

    task = read_task(task_file)
    texts = known_texts(Path(known)) if Path(known).exists() else []
    picked = select(task, read_scored(Path(folder), task), count, texts, named_model(other) if other else None, seed)
    write_items(picked, Path(out))
    table([[item["why"], item["text"][:90]] for item in picked], ["why", "sentence"])
    click.echo(f"{len(picked)} sentences in {out}")


@review.command()
@click.argument("file", metavar="FILE")
@click.option("--out", required=True, metavar="DIR_OR_CSV", help="A .csv, or a folder for Label Studio's tasks and config.")
@TASK
def export(file: str, out: str, task_file: str) -> None:
    """Write selected sentences for Label Studio (tasks.json, config.xml) or as a CSV."""
    from pipeline.review import read_items
    from pipeline.review.exchange import labelling_config, to_tasks, write_sheet

    task, items, target = read_task(task_file), read_items(Path(file)), Path(out)
    if target.suffix == ".csv":
        write_sheet(task, items, target)
    else:
        target.mkdir(parents=True, exist_ok=True)
        tasks = to_tasks(task, items, "model")
        (target / "tasks.json").write_text(json.dumps(tasks, ensure_ascii=False, indent=1), encoding="utf-8")
        (target / "config.xml").write_text(labelling_config(task), encoding="utf-8")
    click.echo(f"{len(items)} sentences in {out}")


@review.command("import")
@click.argument("file", metavar="FILE")
@click.option("--out", required=True, metavar="FILE", help="Labelled JSONL to append to.")
@click.option("--by", default="sheet", show_default=True, help="Who filled in a CSV.")
@TASK
def import_command(file: str, out: str, by: str, task_file: str) -> None:
    """Read Label Studio's JSON export or a filled-in CSV; append agreed rows, set conflicts aside.

    A sentence that is there already gets the new annotations beside the old. Rows on which the annotators differ go to
    OUT with the ending .conflicts.jsonl, for someone to decide: label that file with the same OUT.
    """
    from pipeline.audit import agreement
    from pipeline.corpus import read_corpus
    from pipeline.review import combine, read_items, write_items
    from pipeline.review.exchange import from_export, read_sheet

    task, source, target = read_task(task_file), Path(file), Path(out)
    aside = target.with_suffix(".conflicts.jsonl")
    new = read_sheet(task, source, by) if source.suffix == ".csv" else from_export(task, source)
    rows = combine(task, [row for path in (target, aside) if path.exists() for row in read_items(path)], new)
    twice = [row for row in rows if len(row.get("annotations") or ()) > 1]
    if twice:
        both = target.with_suffix(".imported.tmp.jsonl")
        write_items(twice, both)
        try:
            found = agreement(read_corpus([both], task))
        finally:
            both.unlink()
        table(found, ["head", "label", "Krippendorff's alpha", "Cohen's kappa", "sentences"])
    conflicts = [row for row in rows if "conflict" in row]
    if conflicts or aside.exists():
        write_items(conflicts, aside)
    write_items([row for row in rows if "conflict" not in row], target)
    click.echo(f"{len(new)} sentences read; {out} has {len(rows) - len(conflicts)} rows"
               + (f"; {len(conflicts)} conflicts in {aside}" if conflicts else ""))


@review.command()
@click.argument("file", metavar="FILE")
@click.option("--out", required=True, metavar="FILE", help="Labelled JSONL: every answer is written at once.")
@click.option("--by", default="me", show_default=True, help="Your name in the annotations.")
@TASK
def label(file: str, out: str, by: str, task_file: str) -> None:
    """Label in the terminal: keys choose, Enter goes on, u undoes, s skips, q quits; running it again resumes.

    In a file of conflicts your answer decides, and what the others said stays beside it.
    """
    from pipeline.review import read_items, write_items

    task, items, target = read_task(task_file), read_items(Path(file)), Path(out)
    done = read_items(target) if target.exists() else []
    labelled = {row["text"] for row in done}
    waiting = [item for item in items if item["text"] not in labelled]
    at = 0
    with _keyboard() as keys:
        while at < len(waiting):
            item = waiting[at]
            click.echo(f"\n[{len(items) - len(waiting) + at + 1} of {len(items)}] {item.get('title', '')}\n"
                       f"  {item.get('previous', '')}\n> {item['text']}")
            answer = _ask(task, keys)
            if answer is _Command.QUIT:
                break
            if answer is _Command.UNDO:
                if at > 0:
                    at -= 1
                    done = [row for row in done if row["text"] != waiting[at]["text"]]
                    write_items(done, target)
                continue
            if isinstance(answer, dict):
                done.append(_labelled(task, item, {"by": by, **answer}))
                write_items(done, target)
            at += 1
    click.echo(f"{len(done)} labelled in {out}")


def _labelled(task: "Task", item: dict[str, Any], note: dict[str, Any]) -> dict[str, Any]:
    from pipeline.review import merge

    if "conflict" not in item:
        return merge(task, item, [note])
    others = [other for other in item["annotations"] if other.get("by") != note["by"]]
    return merge(task, {**item, "decided": note["by"]}, [*others, note])


@contextmanager
def _keyboard() -> Iterator[Iterator[str]]:
    """Keys as they are pressed. The terminal stays in this mode all the while, so that what is typed ahead is not lost."""
    import termios
    import tty

    stdin = sys.stdin.fileno()
    if not os.isatty(stdin):
        yield _pressed(stdin)
        return
    before = termios.tcgetattr(stdin)
    tty.setcbreak(stdin, termios.TCSANOW)
    try:
        yield _pressed(stdin)
    finally:
        termios.tcsetattr(stdin, termios.TCSADRAIN, before)


def _pressed(stdin: int) -> Iterator[str]:
    """Keys one by one until the input ends; arrows and their like, which hold digits, are dropped."""
    while keys := os.read(stdin, 1024):
        yield from re.sub(r"\x1b[O\[][0-9;]*.", "", keys.decode(errors="ignore")).replace("\x04", "q")


def _ask(task: "Task", keys: Iterator[str]) -> dict[str, Any] | _Command:
    answers: dict[str, Any] = {}
    for name, head in task.heads.items():
        choices = "  ".join(f"{key} {label}" for key, label in zip(_KEYS, head.labels, strict=False))
        click.echo(f"{name}: {choices}" + ("  (Enter ends)" if head.kind == "many" else ""))
        found = _choose(head, keys)
        if isinstance(found, _Command):
            return found
        answers[name] = found
    return answers


def _choose(head: "Head", keys: Iterator[str]) -> str | list[str] | _Command:
    labels = dict(zip(_KEYS, head.labels, strict=False))
    chosen: list[str] = []
    for key in keys:
        if key in {command.value for command in _Command}:
            return _Command(key)
        if key in "\r\n" and head.kind == "many":
            return chosen
        if key in labels:
            picked = labels[key]
            if head.kind == "one":
                return picked
            chosen = [x for x in chosen if x != picked] if picked in chosen else [*chosen, picked]
            click.echo(f"  {', '.join(chosen) or '(none)'}")
    return _Command.QUIT
