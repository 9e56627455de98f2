"""Commands that judge: evaluate, compare."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.common import (
    CHALLENGE,
    COLUMN,
    DATA,
    TASK,
    quiet_libraries,
    read_challenge,
    read_labelled,
    read_task,
    table,
)
from pipeline.cli.training import named_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.corpus import Corpus, Row
    from pipeline.evaluate import Metrics

SPLIT = click.option("--split", type=click.Choice(["train", "valid", "test"]), help="Only this split of the data.")
LABELLED = click.option("--data", multiple=True, required=True, metavar="PATH",
                        help="Labelled file or folder. Repeatable.")


@click.command()
@click.option("--model", "model_name", required=True, metavar="M", help="Folder, models:/NAME@champion, or run id.")
@LABELLED
@COLUMN
@SPLIT
@CHALLENGE
@click.option("--json", "json_file", metavar="FILE", help="Also write one flat object, metric name to number.")
def evaluate(model_name: str, data: tuple[str, ...], columns: tuple[str, ...], split: str | None,
             challenge: str, json_file: str | None) -> None:
    """Judge a saved or registered model on a labelled file: every metric, with 95% intervals."""
    quiet_libraries()
    from pipeline.challenge import failure_rates, run_cases
    from pipeline.corpus import to_examples
    from pipeline.train import evaluate as judge

    model = named_model(model_name)
    corpus = read_labelled(data, model.task, columns)
    rows = _rows(corpus, data, split)
    metrics, _ = judge(model, rows)
    cases = read_challenge(challenge, model.task)
    metrics |= failure_rates(run_cases(model, cases))
    click.echo(f"{model.id} on {len(rows)} sentences of {len(set(to_examples(model.task, rows).groups))} articles")
    show_metrics(model.task.heads, metrics)
    show_challenge(metrics)
    if json_file:
        Path(json_file).write_text(json.dumps(metrics, indent=1), encoding="utf-8")


def _rows(corpus: "Corpus", data: "Sequence[str]", split: str | None) -> "list[Row]":
    """The rows of a split, all without one. Raises DataError when there is none."""
    from pipeline.errors import DataError

    rows = corpus.part(split) if split else corpus.rows
    if not rows:
        raise DataError(f"{', '.join(data)}: no sentence in split '{split}'")
    return rows


def show_metrics(heads: Any, metrics: "Metrics") -> None:
    """A table of every label of every head."""
    from pipeline.evaluate import with_interval

    rows: list[list[Any]] = []
    for name, head in heads.items():
        rows.append([name, "macro", with_interval(metrics, f"{name}/macro_f1"), None, None, None,
                     metrics.get(f"{name}/alpha"), None])
        for label in head.labels:
            key = f"{name}/{label}"
            rows.append(["", label, with_interval(metrics, f"{key}/f1"), metrics[f"{key}/precision"],
                         metrics[f"{key}/recall"], metrics.get(f"{key}/average_precision"), metrics[f"{key}/alpha"],
                         int(metrics[f"{key}/count"])])
    table(rows, ["head", "label", "F1 (95% interval)", "precision", "recall", "average precision", "alpha", "gold"])
    for name in heads:
        shown = ", ".join(f"{words} {metrics[f'{name}/{key}']:.3f}" for words, key in
                          (("accuracy", "accuracy"), ("calibration error", "ece"), ("Brier", "brier")))
        click.echo(f"{name}: {shown}")
    click.echo(f"uncertain: {metrics['uncertain']:.1%} of the sentences")


def show_challenge(metrics: "Metrics") -> None:
    """A table of failure rates by capability, when cases were run."""
    from pipeline.evaluate import with_interval

    names = [name.removesuffix("/failure_rate") for name in metrics if name.endswith("/failure_rate")]
    if names:
        click.echo()
        table([[name.removeprefix("challenge/"), int(metrics[f"{name}/count"]),
                with_interval(metrics, f"{name}/failure_rate")] for name in names],
              ["behaviour", "cases", "failure rate (95% interval)"])


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@LABELLED
@COLUMN
@SPLIT
@click.option("--no-log", is_flag=True, help="Do not log the comparison to MLflow.")
def compare(a: str, b: str, data: tuple[str, ...], columns: tuple[str, ...], split: str | None, no_log: bool) -> None:
    """Paired test of models A and B on the same sentences: is B really better, on what, by how much?"""
    quiet_libraries()
    from pipeline.compare import compare as pair
    from pipeline.corpus import to_examples
    from pipeline.evaluate import hard
    from pipeline.model import check_task

    models = [named_model(name) for name in (a, b)]
    corpus = read_labelled(data, models[0].task, columns)
    check_task(models[1], models[0].task)
    rows = _rows(corpus, data, split)
    examples = to_examples(corpus.task, rows)
    decided = [model.decide(model.predict_proba(examples.sentences)) for model in models]
    found = pair(corpus.task, hard(corpus.task, examples.targets), decided[0], decided[1], examples.groups)
    click.echo(f"A = {models[0].id}, B = {models[1].id}, {len(rows)} sentences of {len(set(examples.groups))} articles")
    table([[d.head, d.label, d.a, d.b, f"{d.difference:+.3f} ({d.low:+.3f} to {d.high:+.3f})", d.p, d.p_corrected,
            _verdict(d.p_corrected, d.difference)] for d in found],
          ["head", "label", "F1 of A", "F1 of B", "B - A (95% interval)", "p", "p corrected", ""])
    if not no_log:
        from pipeline.tracking.runs import log_comparison

        lines = [{**vars(d), "difference": d.difference} for d in found]
        run = log_comparison(f"{models[0].name} vs {models[1].name}", lines, {"a": models[0].id, "b": models[1].id},
                             f"{models[1].id} minus {models[0].id} on {', '.join(data)}{f' ({split})' if split else ''}")
        click.echo(f"logged as run {run}")


def _verdict(p: float, difference: float) -> str:
    return "no clear difference" if p >= 0.05 else "B is better" if difference > 0 else "A is better"


@click.command()
@click.argument("models", nargs=-1, metavar="FOLDER...")
@TASK
@DATA
@click.option("--real", metavar="FILE", help="Labelled real sentences: a line for them as well.")
@click.option("--holders", default="seeds/holders.jsonl", show_default=True, metavar="FILE",
              help="Sentences with their holders; left out when the file is not there.")
@click.option("--out", default="docs", show_default=True, metavar="DIR",
              help="Where results.md and figures/ go, and where images/study.json of 'stance review study' is.")
def results(models: tuple[str, ...], task_file: str, data: tuple[str, ...], real: str | None, holders: str,
            out: str) -> None:
    """Write docs/results.md and its figures from the evaluations of trained models."""
    quiet_libraries()
    from pipeline.corpus import read_rows
    from pipeline.gate import differences
    from pipeline.holders.judge import judge_holders
    from pipeline.results import Study, results_page, write_figures
    from pipeline.study import read_study
    from pipeline.train import Evaluation
    from pipeline.train import evaluate as judge

    folders = [Path(name) for name in models or ("models/tfidf", "models/transformer")]
    corpus = read_labelled(data, read_task(task_file), ())
    evaluations = {folder.name: Evaluation.load(folder) for folder in folders}
    on_real = {}
    if real:
        rows = read_labelled([real], corpus.task, ()).rows
        on_real = {folder.name: judge(named_model(str(folder)), rows)[0] for folder in folders}
    first, *others = folders
    pairs = {f"{first.name} against {other.name}": differences(
        corpus.task, evaluations[first.name].predictions, evaluations[other.name].predictions) for other in others}
    write_figures(corpus.task, evaluations, Path(out) / "figures")
    named = Path(holders)
    found = judge_holders([row for _, row in read_rows(named) if row.get("split") == "test"]) if named.exists() else None
    saved = Path(out) / "images" / "study.json"
    study = Study(*read_study(saved), "images/study.png") if saved.exists() else None
    page = results_page(corpus, evaluations, pairs, on_real, found, study)
    (Path(out) / "results.md").write_text(page, encoding="utf-8")
    click.echo(f"{out}/results.md: {', '.join(evaluations)}")
