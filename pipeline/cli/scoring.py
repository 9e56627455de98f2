"""Commands around articles: score, report."""

from pathlib import Path
from typing import cast

import click

from pipeline.cli.common import COLUMN, bar, mapping, quiet_libraries
from pipeline.cli.training import model_folder


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--out", required=True, metavar="DIR", help="Folder for parts, articles, rejects and manifest.")
@click.option("--model", "model_name", metavar="M", help="Folder, registry name, or run id. [default: champion]")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--format", "format_", type=click.Choice(["parquet", "jsonl", "csv"]), default="parquet",
              show_default=True)
@COLUMN
@click.option("--defuse", is_flag=True, help="CSV: keep spreadsheets from running cells as formulas.")
@click.option("--workers", default=0, metavar="N", help="Processes.  [default: as many as help]")
@click.option("--quiet", is_flag=True, help="No progress.")
def score(inputs: tuple[str, ...], out: str, model_name: str | None, engine: str, format_: str,
          columns: tuple[str, ...], defuse: bool, workers: int, quiet: bool) -> int:
    """Score articles: files, folders, globs, URLs, or - for standard input.

    Reads .txt, .html, .jsonl, .csv and .parquet, packed as .gz or .zst too. A rerun goes on where it stopped.
    """
    from pipeline.batch import Engine, score_batch
    from pipeline.engines.local import run_local
    from pipeline.engines.ray import run_ray
    from pipeline.promotion import champion_folder
    from pipeline.score import Format, Options

    def local(jobs):  # type: ignore[no-untyped-def]
        return run_local(jobs, workers)

    run: Engine = run_ray if engine == "ray" else local
    folder = model_folder(model_name) if model_name else champion_folder()
    options = Options(format=cast(Format, format_), columns=mapping(columns), defuse=defuse)
    done = score_batch(inputs, Path(out), folder, options, run, bar("scoring", quiet))
    click.echo(f"{done.sentences} sentences of {done.articles} articles in {out}"
               + (f"; {done.rejects} rejected, see {out}/rejects.jsonl" if done.rejects else ""))
    for line in done.warnings:
        click.echo(f"stance: far from the training data: {line}", err=True)
    return 1 if done.rejects else 0


@click.command()
@click.argument("folder", metavar="DIR")
@click.option("--out", metavar="FILE", help="Where the page goes. [default: DIR/report.html]")
@click.option("--log", is_flag=True, help="Also log the batch to MLflow: its shares as metrics, the page as an artifact.")
def report(folder: str, out: str | None, log: bool) -> None:
    """One self-contained HTML page of a scored batch: shares with intervals, and every article to read."""
    from pipeline.report import read_batch, report_page, summary

    batch = read_batch(Path(folder))
    page = Path(out) if out else Path(folder) / "report.html"
    page.write_text(report_page(batch), encoding="utf-8")
    click.echo(f"{page}: {len(batch.articles)} articles")
    if log:
        quiet_libraries()
        from pipeline.tracking.runs import log_batch

        click.echo(f"logged as run {log_batch(Path(folder).name, summary(batch), batch.manifest, page)}")
