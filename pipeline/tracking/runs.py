"""Runs: one flat run for one training, with everything a reader needs to judge it."""

import math
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.model import model_id, read_description
from pipeline.tracking import as_tracking_error, client, insist, one_at_a_time

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

    from pipeline.train import Evaluation

EXPERIMENT = "stance"
_PACKAGE = Path(__file__).parent.parent
_REQUIREMENTS = ["mlflow", "numpy", "scipy", "scikit-learn", "pydantic", "pyyaml", "safetensors", "pandas",
                 "pyarrow", "fsspec"]


@dataclass(frozen=True)
class Registered:
    """A run, and the version of the registered model that it made."""

    run_id: str
    version: str


def experiment_id(tracked: "MlflowClient") -> str:
    """The experiment's id; made with an explicit artifact folder where the store is a local database."""
    from mlflow.exceptions import MlflowException

    uri = str(tracked.tracking_uri)
    with one_at_a_time(uri), as_tracking_error(uri):
        found = tracked.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        where = Path("mlartifacts").resolve().as_uri() if uri.startswith("sqlite:") else None
        note = "Runs of `stance train`: compare `test/stance/macro_f1` first. One row is one training of one model."
        try:
            return str(tracked.create_experiment(EXPERIMENT, where, {"mlflow.note.content": note}))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            return str(tracked.get_experiment_by_name(EXPERIMENT).experiment_id)  # another process was faster


def log_training(folder: Path, evaluation: "Evaluation", note: str, figures: Mapping[str, Any],
                 pages: Mapping[str, str], register: bool = True) -> Registered:
    """One flat run for one training: metrics (headline first), curve, data set, params, tags, figures, errors, model.

    ``figures`` and ``pages`` are matplotlib figures and texts by artifact path. The model is registered under the
    task's name, unless ``register`` is off.
    """
    tracked = client()  # before mlflow's import, whose settings it makes
    import mlflow

    description = read_description(folder)
    experiment = experiment_id(tracked)
    record = evaluation.record
    with as_tracking_error(str(tracked.tracking_uri)):
        mlflow.set_experiment(experiment_id=experiment)
        with mlflow.start_run(run_name=description.name, tags={**record["tags"], "mlflow.note.content": note}) as run:
            _log_metrics(evaluation)
            mlflow.log_params({name: str(value)[:6000] for name, value in record["params"].items()})
            insist(mlflow.log_input, _dataset(record["dataset"]), "training")
            _log_tables(evaluation)
            for name, figure in figures.items():
                mlflow.log_figure(figure, name)
            for name, page in pages.items():
                mlflow.log_text(page, name)
            version = _log_model(folder, description.task.name if register else None)
        if register:
            tracked.set_model_version_tag(description.task.name, version, "model_id", model_id(folder))
            tracked.set_model_version_tag(description.task.name, version, "model_name", description.name)
    return Registered(run.info.run_id, version)


def _log_metrics(evaluation: "Evaluation") -> None:
    """The headline alone first: MLflow's parallel coordinates start from the metric that was logged first."""
    import mlflow

    finite = {name: value for name, value in evaluation.metrics.items() if math.isfinite(value)}
    headline = next(iter(finite), None)
    if headline:
        mlflow.log_metric(headline, finite[headline])
    mlflow.log_metrics(finite)
    for step, name, value in evaluation.history:
        mlflow.log_metric(name, value, step=step)


def _log_model(folder: Path, registered: str | None) -> str:
    """Log the folder as a pyfunc whose code is ``serving.py`` (no pickle); returns the version it is registered as."""
    import mlflow

    from pipeline.tracking.serving import input_example, signature

    graph, encoder = (any((folder / "weights").rglob(name)) for name in ("model.onnx", "encoder"))
    requirements = [*_REQUIREMENTS, *(["openvino", "tokenizers"] if graph else ["torch", "transformers"] if encoder else [])]
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "model"  # the artifact takes the name of its folder
        shutil.copytree(folder, copy)
        logged = mlflow.pyfunc.log_model(
            name="model", python_model=str(Path(__file__).parent / "serving.py"), artifacts={"model": str(copy)},
            code_paths=[str(_PACKAGE)], signature=signature(read_description(folder).task),
            input_example=input_example(), pip_requirements=requirements, registered_model_name=registered)
    return str(logged.registered_model_version)


def _log_tables(evaluation: "Evaluation") -> None:
    import mlflow

    wrong = [row for row in evaluation.predictions if row["wrong"]]
    for name, rows in (("errors.json", wrong), ("predictions.json", evaluation.predictions)):
        if rows:
            columns = {key: [_cell(row[key]) for row in rows] for key in rows[0]}
            mlflow.log_table(columns, name)


def _cell(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value


def _dataset(described: Mapping[str, Any]) -> Any:
    """The labelled data as MLflow knows it, with our own digest over all rows (MLflow's covers the first 10,000)."""
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    source = CodeDatasetSource({"mlflow.source.name": described["source"]})
    return MetaDataset(source, name=described["name"], digest=described["digest"][:36])


def log_batch(name: str, metrics: Mapping[str, float], manifest: Mapping[str, Any], page: Path) -> str:
    """A run for a scored batch: its shares, its manifest as params, and the report page."""
    params = {key: manifest[key] for key in ("model", "model_digest", "codebook", "options")}
    return log_numbers(f"batch {name}", metrics, params, {"kind": "batch"}, page)


def log_numbers(name: str, metrics: Mapping[str, float], params: Mapping[str, Any], tags: Mapping[str, str],
                artifact: Path | None = None) -> str:
    """A flat run of numbers: a trial of a search, the summary of a sweep, a batch (with its page as ``artifact``)."""
    tracked = client()  # before mlflow's import, whose settings it makes
    import mlflow

    experiment = experiment_id(tracked)
    with as_tracking_error(str(tracked.tracking_uri)):
        mlflow.set_experiment(experiment_id=experiment)
        with mlflow.start_run(run_name=name, tags=dict(tags)) as run:
            mlflow.log_metrics({key: value for key, value in metrics.items() if math.isfinite(value)})
            mlflow.log_params({key: str(value)[:6000] for key, value in params.items()})
            if artifact is not None:
                mlflow.log_artifact(str(artifact))
    return str(run.info.run_id)


def log_curve(name: str, points: list[tuple[int, dict[str, float]]], tags: Mapping[str, str]) -> str:
    """A run whose metrics are logged at each size of the training data, as their step."""
    import mlflow

    tracked = client()
    experiment = experiment_id(tracked)
    with as_tracking_error(str(tracked.tracking_uri)), mlflow.start_run(
            experiment_id=experiment, run_name=name, tags=dict(tags)) as run:
        for step, metrics in points:
            mlflow.log_metrics(metrics, step=step)
    return str(run.info.run_id)


def log_comparison(name: str, rows: list[dict[str, Any]], tags: Mapping[str, str], note: str) -> str:
    """A run of its own for a paired comparison: its table ``comparison.json``, and each difference as a metric."""
    tracked = client()  # before mlflow's import, whose settings it makes
    import mlflow

    experiment = experiment_id(tracked)
    with as_tracking_error(str(tracked.tracking_uri)):
        mlflow.set_experiment(experiment_id=experiment)
        with mlflow.start_run(run_name=name, tags={**tags, "kind": "comparison", "mlflow.note.content": note}) as run:
            for row in rows:
                key = f"difference/{row['head']}/{row['label']}"
                mlflow.log_metrics({key: row["difference"], f"{key}_low": row["low"], f"{key}_high": row["high"],
                                    f"{key}_p": row["p_corrected"]})
            mlflow.log_table({key: [row[key] for row in rows] for key in rows[0]}, "comparison.json")
    return str(run.info.run_id)
