"""The command that judges who is found to say a sentence."""

import json
from pathlib import Path

import click

from pipeline.cli.common import table


@click.command()
@click.argument("file", default="seeds/holders.jsonl", metavar="[FILE]")
@click.option("--split", type=click.Choice(["dev", "test"]), help="Only this half of the file.")
@click.option("--errors", is_flag=True, help="Also list every sentence whose holder is not found exactly.")
@click.option("--json", "json_file", metavar="FILE", help="Also write one flat object, metric name to number.")
def holders(file: str, split: str | None, errors: bool, json_file: str | None) -> None:
    """Judge who is found to say a sentence, on a file that names the holders.  [default: seeds/holders.jsonl]"""
    from pipeline.corpus import read_rows
    from pipeline.errors import DataError
    from pipeline.evaluate import with_interval
    from pipeline.holders import find_holder
    from pipeline.holders.judge import gold_span, judge_holders

    rows = [row for _, row in read_rows(Path(file)) if not split or row.get("split") == split]
    if not rows:
        raise DataError(f"{file}: no sentence" + (f" in split '{split}'" if split else ""))
    metrics = judge_holders(rows)
    click.echo(f"{len(rows)} sentences, {int(metrics['gold'])} with a holder, {int(metrics['found'])} found")
    table([[name, with_interval(metrics, f"{name}_f1"), metrics[f"{name}_precision"], metrics[f"{name}_recall"]]
           for name in ("exact", "overlap")], ["holder", "F1 (95% interval)", "precision", "recall"])
    for row in rows if errors else ():
        gold, found = gold_span(row), find_holder(row["text"])
        if gold != found:
            wanted, got = (row["text"][slice(*span)] if span else "-" for span in (gold, found))
            click.echo(f"\nwanted {wanted!r}, found {got!r}: {row['text']}")
    if json_file:
        Path(json_file).write_text(json.dumps(metrics, indent=1), encoding="utf-8")
