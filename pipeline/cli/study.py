"""The command that measures what choosing sentences saves: review study."""

from pathlib import Path

import click

from pipeline.cli.common import COLUMN, DATA, TASK, quiet_libraries, read_labelled, read_task, table


@click.command()
@click.option("--config", "config_file", default="configs/tfidf.yaml", show_default=True, metavar="FILE",
              help="The model that learns and chooses.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1), metavar="N",
              help="Repeat with N seeds.")
@click.option("--out", default="docs/images", show_default=True, metavar="DIR", help="Where study.json and study.png go.")
@TASK
@DATA
@COLUMN
def study(config_file: str, seeds: int, out: str, task_file: str, data: tuple[str, ...], columns: tuple[str, ...]) -> None:
    """Simulate: reveal the training labels in rounds, chosen as by select or by chance; log one run."""
    quiet_libraries()
    from pipeline.classifiers import ClassifierConfig
    from pipeline.config import load_config
    from pipeline.study import figure, needs, save_study, simulate
    from pipeline.tracking.runs import log_curve

    corpus = read_labelled(data, read_task(task_file), columns)
    points = []
    for point in simulate(load_config(config_file, ClassifierConfig), corpus, seeds=seeds):
        points.append(point)
        click.echo(f"{point.choice}, seed {point.seed}, {point.labels} labels: "
                   f"valid {point.valid:.3f}, test {point.test:.3f}")
    save_study(points, corpus, Path(out) / "study.json")
    figure(points, next(iter(corpus.task.heads))).savefig(Path(out) / "study.png", dpi=100, metadata={"Software": None})
    found = needs(points)
    table(found, ["split", "of the full pool's F1", "F1", "labels, selected", "labels, random", "ratio"])
    steps = [(p.labels, {f"study/{p.choice}/seed_{p.seed}/{split}": value})
             for p in points for split, value in (("valid", p.valid), ("test", p.test))]
    run = log_curve("simulated study of selection", steps, {"kind": "study", "corpus": corpus.fingerprint()})
    click.echo(f"{out}/study.json, {out}/study.png; logged as run {run}")
