"""Options and tables that several commands share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipeline.challenge import Case
    from pipeline.corpus import Corpus
    from pipeline.task import Task

TASK = click.option("--task", "task_file", default="configs/task.yaml", show_default=True, metavar="FILE",
                    help="The heads and their labels.")
COLUMN = click.option("--column", "columns", multiple=True, metavar="OURS=THEIRS",
                      help="Our column's name in your file, e.g. text=body. Repeatable.")
DATA = click.option("--data", multiple=True, default=("seeds",), show_default=True, metavar="PATH",
                    help="Labelled file (.jsonl, .csv, .parquet) or folder. Repeatable.")
GATE = click.option("--gate", "gate_file", default="configs/gate.yaml", show_default=True, metavar="FILE",
                    help="Floors, ceilings and the accuracy wanted of certain rows.")
CHALLENGE = click.option("--challenge", default="seeds/challenge.jsonl", show_default=True, metavar="FILE",
                         help="Behavioural cases; skipped when they are about another task's heads.")


def read_challenge(path: str, task: "Task") -> "list[Case]":
    """The behavioural cases, none when the default file is not there or asks about heads that the task does not have."""
    from pipeline.challenge import read_cases
    from pipeline.parse import parse_json

    file = Path(path)
    if not file.exists():
        return []
    try:
        first = parse_json(file.read_text(encoding="utf-8").partition("\n")[0] or "{}")
        heads = {*first.get("expect", {}), *first.get("heads", [])}
    except (OSError, ValueError, AttributeError, TypeError):
        return read_cases(file, task)  # which says what is wrong with it
    return read_cases(file, task) if heads <= set(task.heads) else []


def read_task(path: str) -> "Task":
    """The task file."""
    from pipeline.config import load_config
    from pipeline.task import Task

    task: Task = load_config(path, Task)
    return task


def read_labelled(data: Sequence[str], task: "Task", columns: Sequence[str], weights: Sequence[float] = ()) -> "Corpus":
    """The labelled files."""
    from pipeline.corpus import read_corpus

    return read_corpus(list(data), task, weights, mapping(columns))


def mapping(pairs: Sequence[str]) -> dict[str, str]:
    """``OURS=THEIRS`` options as a dictionary."""
    found = {}
    for pair in pairs:
        ours, sign, theirs = pair.partition("=")
        if not (ours and sign and theirs):
            raise click.UsageError(f"--column {pair!r} is not OURS=THEIRS")
        found[ours] = theirs
    return found


def table(rows: Sequence[Sequence[Any]], headers: Sequence[str], floats: str = ".3f") -> None:
    """Print rows under headers."""
    from tabulate import tabulate

    click.echo(tabulate(rows, headers=headers, floatfmt=floats, tablefmt="simple"))


def quiet_libraries() -> None:
    """Silence chatter of libraries that says nothing a user could act on."""
    import logging
    import os
    import warnings

    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning)


def bar(title: str, quiet: bool) -> Callable[[int, int], None]:
    """A progress callback: a bar with rate and remaining time on a terminal, plain lines elsewhere."""
    from tqdm import tqdm

    shown = None if quiet else tqdm(desc=title, unit="part", disable=None, dynamic_ncols=True)

    def report(done: int, total: int) -> None:
        if shown is None:
            return
        if shown.disable:
            click.echo(f"{title}: {done} of {total} parts", err=True)
        else:
            shown.total = total
            shown.update(done - shown.n)
            if done == total:
                shown.close()

    return report
