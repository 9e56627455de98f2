"""Commands that train many times: tune, curve, reproduce."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from pipeline.cli.common import COLUMN, DATA, GATE, TASK, quiet_libraries, read_labelled, read_task


@click.command()
@click.option("--config", "config_file", required=True, metavar="FILE", help="The configuration to start from.")
@click.option("--trials", default=20, show_default=True, metavar="N", help="How many more to try.")
@click.option("--storage", default="sqlite:///tune.db", show_default=True, metavar="URL",
              help="Where trials are kept: the same command goes on where it stopped.")
@click.option("--out", metavar="FILE", help="Where the best configuration goes. [default: CONFIG-tuned.yaml beside it]")
@TASK
@DATA
@COLUMN
def tune(config_file: str, trials: int, storage: str, out: str | None, task_file: str, data: tuple[str, ...],
         columns: tuple[str, ...]) -> None:
    """Search for better hyperparameters; every trial is an MLflow run, the best becomes a file to commit."""
    quiet_libraries()
    import yaml

    from pipeline.classifiers import ClassifierConfig
    from pipeline.config import load_config
    from pipeline.tracking.runs import log_numbers
    from pipeline.tune import best_config, search

    config = load_config(config_file, ClassifierConfig)
    corpus = read_labelled(data, read_task(task_file), columns)
    name = Path(config_file).stem

    def report(number: int, value: float, params: Mapping[str, Any]) -> None:
        click.echo(f"trial {number}: {value:.4f}  {dict(params)}")
        log_numbers(f"{name} trial {number}", {"valid/mean_macro_f1": value}, params,
                    {"sweep": f"tune-{name}", "kind": "trial", "corpus": corpus.fingerprint()})

    study = search(config, corpus, trials, storage, report)
    best = best_config(config, study)
    target = Path(out) if out else Path(config_file).with_name(f"{name}-tuned.yaml")
    target.write_text(f"# Found by 'stance tune', {len(study.trials)} trials: mean macro-F1 {study.best_value:.4f}.\n"
                      + yaml.safe_dump(best.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    click.echo(f"best of {len(study.trials)}: {study.best_value:.4f}, written to {target}")


@click.command()
@click.option("--config", "config_file", required=True, metavar="FILE", help="The configuration to train.")
@TASK
@DATA
@COLUMN
def curve(config_file: str, task_file: str, data: tuple[str, ...], columns: tuple[str, ...]) -> None:
    """Learning curve: train on growing shares of the corpus, judge on test, log one run with a point a size."""
    quiet_libraries()
    from pipeline.classifiers import ClassifierConfig
    from pipeline.config import load_config
    from pipeline.curve import learning_curve
    from pipeline.evaluate import with_interval
    from pipeline.tracking.runs import log_curve

    config = load_config(config_file, ClassifierConfig)
    corpus = read_labelled(data, read_task(task_file), columns)
    points = []
    for sentences, metrics in learning_curve(config, corpus):
        points.append((sentences, {f"curve/{head}/macro_f1": metrics[f"{head}/macro_f1"] for head in corpus.task.heads}))
        click.echo(f"{sentences} sentences: " + ", ".join(f"{head} {with_interval(metrics, f'{head}/macro_f1')}"
                                                         for head in corpus.task.heads))
    run = log_curve(f"{Path(config_file).stem} learning curve", points, {"kind": "curve", "corpus": corpus.fingerprint()})
    click.echo(f"logged as run {run}")


@click.command()
@click.argument("run", metavar="RUN")
@TASK
@DATA
@COLUMN
@GATE
def reproduce(run: str, task_file: str, data: tuple[str, ...], columns: tuple[str, ...], gate_file: str) -> int:
    """Train again what MLflow stored of RUN (or of a model folder); say "identical", or name the first difference."""
    quiet_libraries()
    from pipeline.cli.training import model_folder
    from pipeline.gate import read_gate
    from pipeline.model import read_description
    from pipeline.publish import make_record
    from pipeline.reproduce import circumstances, retrain
    from pipeline.train import Evaluation

    folder = model_folder(run)
    corpus = read_labelled(data, read_task(task_file), columns)
    record = Evaluation.load(folder).record
    for line in circumstances(record, make_record(corpus, read_description(folder).config, list(data))):
        click.echo(f"note: {line}")
    gate = read_gate(Path(gate_file), corpus.task)
    with tempfile.TemporaryDirectory() as scratch:
        difference = retrain(folder, corpus, gate.certainty, Path(scratch))
    click.echo("identical" if difference is None else f"not identical: {difference}")
    return 0 if difference is None else 1
