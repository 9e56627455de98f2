"""Commands around models: train, promote, upload, encoder."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipeline.cli.common import (
    CHALLENGE,
    COLUMN,
    DATA,
    GATE,
    TASK,
    quiet_libraries,
    read_challenge,
    read_labelled,
    read_task,
    table,
)
from pipeline.cli.trained import allows, earlier_model, show_effect, side_by_side

T = TypeVar("T")

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.evaluate import Metrics
    from pipeline.gate import Check, Gate
    from pipeline.model import Model
    from pipeline.train import Evaluation

CONFIGS = ("configs/tfidf.yaml", "configs/transformer.yaml")


@click.command()
@click.option("--config", "configs", multiple=True, default=CONFIGS, show_default=True, metavar="FILE",
              help="A model's configuration. Repeatable.")
@TASK
@DATA
@click.option("--weight", "weights", multiple=True, type=float, metavar="W",
              help="Weight of the rows of the --data at the same place (default 1). Repeatable.")
@COLUMN
@CHALLENGE
@GATE
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1), metavar="N",
              help="Train each config with N seeds; the median run is kept, a summary run is logged.")
@click.option("--out", default="models", show_default=True, metavar="FOLDER", help="Models land in FOLDER/CONFIG.")
def train(configs: tuple[str, ...], task_file: str, data: tuple[str, ...], weights: tuple[float, ...],
          columns: tuple[str, ...], challenge: str, gate_file: str, seeds: int, out: str) -> int:
    """Fit, judge, save, log and register a model for each config; promote the best if the gate allows."""
    quiet_libraries()
    from pipeline.audit import refuse_leaks
    from pipeline.classifiers import ClassifierConfig
    from pipeline.config import load_config
    from pipeline.gate import read_gate
    from pipeline.publish import make_record
    from pipeline.train import train as fit

    task = read_task(task_file)
    wanted = [(Path(path).stem, load_config(path, ClassifierConfig)) for path in configs]
    gate = read_gate(Path(gate_file), task)
    corpus = read_labelled(data, task, columns, weights)
    refuse_leaks(corpus)
    cases = read_challenge(challenge, task)
    click.echo(f"{len(corpus.rows)} labelled sentences, fingerprint {corpus.fingerprint()[:12]}")

    def one(name: str, config: Any, folder: Path) -> "Evaluation":
        click.echo(f"training {name} (seed {config.seed}) ...")
        return fit(name, config, corpus, folder, gate.certainty, make_record(corpus, config, list(data)), cases)[1]

    results = []
    for name, config in wanted:
        before = earlier_model(name, task.name, Path(out) / name)
        evaluation = one(name, config, Path(out)) if seeds == 1 else _sweep(name, config, seeds, Path(out), one)
        show_effect(before, Path(out) / name, corpus, data)
        results.append((name, evaluation.metrics, _log(Path(out) / name)))
    reached = _promote_best(results, gate, task.name, Path(out))
    side_by_side(results, list(task.heads))
    return 0 if reached and all(version != "-" for *_, version in results) else 1


def _sweep(name: str, config: Any, seeds: int, out: Path, one: "Callable[[str, Any, Path], Evaluation]") -> "Evaluation":
    """Train with several seeds, log each and their summary, and keep the median run with the summary in it."""
    from pipeline.publish import log_sweep
    from pipeline.sweep import keep_middle

    folders, evaluations = [], []
    for seed in range(config.seed, config.seed + seeds):
        folder = out / ".sweep" / str(seed)
        evaluations.append(one(name, config.model_copy(update={"seed": seed}), folder))
        folders.append(folder / name)
    kept = keep_middle(folders, evaluations, out / name)
    _tolerate(lambda: log_sweep(name, folders, evaluations), f"the sweep of {name}")
    return kept


def _log(folder: Path) -> str:
    """Version under which the model is registered, or "-" when MLflow is away."""
    from pipeline.publish import publish

    done = _tolerate(lambda: publish(folder), f"{folder} is saved but")
    if done is None:
        click.echo(f"later: stance upload {folder}", err=True)
    return done.version if done else "-"


def _tolerate(log: "Callable[[], T]", what: str) -> "T | None":
    """A training must not be lost because the tracking server is."""
    from pipeline.errors import TrackingError

    try:
        return log()
    except TrackingError as error:
        click.echo(f"stance: {what} not logged: {error}", err=True)
        return None


def _promote_best(results: "list[tuple[str, Metrics, str]]", gate: "Gate", registered: str, out: Path) -> bool:
    """Make the best on valid that the gate allows the champion; False when MLflow is away."""
    from pipeline.errors import TrackingError
    from pipeline.promotion import set_champion

    tracked = [result for result in results if result[2] != "-"]
    if not tracked:
        return False
    headline = next(iter(tracked[0][1])).replace("test/", "valid/", 1)  # the test split must not choose
    tracked.sort(key=lambda result: -result[1][headline])
    allowed = next((result for result in tracked if allows(gate, *result[:2])), None)
    if allowed is None:
        return True
    name, _, version = allowed
    try:
        if _champion_leads(registered, out / name, headline):
            return True
        set_champion(registered, version, out / name, f"best {headline} of its training")
    except TrackingError as error:
        click.echo(f"stance: {name} not promoted: {error}\nlater: stance promote {out / name}", err=True)
        return False
    click.echo(f"champion of {registered}: version {version} ({name})")
    return True


def _champion_leads(registered: str, folder: Path, headline: str) -> bool:
    """Whether another champion, judged on the very same data, has a better headline than the model in ``folder``."""
    from pipeline.errors import ModelError
    from pipeline.model import model_id
    from pipeline.promotion import champion_folder, has_champion
    from pipeline.train import Evaluation

    if not has_champion(registered):
        return False
    try:
        holder = champion_folder()
        before, now = Evaluation.load(holder), Evaluation.load(folder)
    except ModelError as error:
        click.echo(f"stance: the champion cannot be compared: {error}", err=True)
        return False
    leads = (before.record["dataset"]["digest"] == now.record["dataset"]["digest"]
             and before.metrics[headline] > now.metrics[headline])
    if leads:
        click.echo(f"no promotion: the champion {model_id(holder)} has {headline} {before.metrics[headline]:.3f}, "
                   f"{folder.name} {now.metrics[headline]:.3f}")
    return leads


def named_model(name: str) -> "Model":
    """A model by folder, registry name or run id; mlflow is imported only when the name is not a folder."""
    from pipeline.model import load_model

    return load_model(model_folder(name))


def model_folder(name: str) -> Path:
    """Where the model called ``name`` lies, downloaded from the registry if need be."""
    if name.startswith(("models:/", "runs:/")) or (len(name) == 32 and not Path(name).exists()):
        quiet_libraries()
        from pipeline.tracking.registry import fetch

        return fetch(name)
    return Path(name)


@click.command()
@click.argument("model_name", metavar="M")
@GATE
@click.option("--force", metavar="REASON", help="Promote whatever the gate says; the reason is kept as a tag.")
def promote(model_name: str, gate_file: str, force: str | None) -> None:
    """Make model M the champion, if the gate allows."""
    quiet_libraries()
    from pipeline.errors import GateError
    from pipeline.gate import check, read_gate
    from pipeline.model import load_model
    from pipeline.promotion import registered_version, set_champion
    from pipeline.train import Evaluation

    folder = model_folder(model_name)
    model = load_model(folder)
    evaluation = Evaluation.load(folder)
    version = registered_version(model)
    gate = read_gate(Path(gate_file), model.task)
    checks = check(gate, evaluation.metrics) + _against_champion(gate, model, evaluation)
    table([[c.name, c.found, c.wanted, "pass" if c.passed else "FAIL"] for c in checks],
          ["check", "found", "wanted", ""])
    failed = [c.name for c in checks if not c.passed]
    if failed and not force:
        raise GateError(f"{model.id} is not promoted: {', '.join(failed)}; --force REASON overrides")
    set_champion(model.task.name, version, folder, f"forced: {force}" if force else "passed the gate")
    click.echo(f"champion of {model.task.name}: version {version} ({model.id})")


def _against_champion(gate: "Gate", model: "Model", evaluation: "Evaluation") -> "list[Check]":
    from pipeline.gate import check_against
    from pipeline.model import model_id
    from pipeline.promotion import champion_folder, has_champion
    from pipeline.train import Evaluation

    if not has_champion(model.task.name):
        return []
    folder = champion_folder()
    if model_id(folder) == model.id:
        return []
    return check_against(gate, model.task, evaluation.predictions, Evaluation.load(folder).predictions)


@click.command()
@click.argument("folder", metavar="FOLDER")
def upload(folder: str) -> None:
    """Log and register a model folder that was trained while MLflow was away."""
    quiet_libraries()
    from pipeline.publish import publish

    done = publish(Path(folder))
    click.echo(f"run {done.run_id}, version {done.version}")


@click.command()
def encoder() -> None:
    """Unpack the larger encoder (MPNet) for configs/transformer-mpnet.yaml and check its digest."""
    from pipeline.classifiers.encoders import fetch_mpnet

    click.echo(f"{fetch_mpnet()}: all-mpnet-base-v2, digest as expected")
