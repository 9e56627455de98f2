"""MLflow: runs, the registry and its alias ``champion``. The only room that imports mlflow (with ``serving``)."""

import contextlib
import datetime as dt
import fcntl
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import ModelError, TrackingError
from pipeline.model import Model, load_model, read_description

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

    from pipeline.train import Evaluation

EXPERIMENT = "stance"
ALIAS = "champion"
_HERE = Path(__file__).parent
_REQUIREMENTS = ["mlflow", "numpy", "scipy", "scikit-learn", "pydantic", "pyyaml", "safetensors", "pandas"]


@dataclass(frozen=True)
class Registered:
    """A run, and the version of the registered model that it made."""

    run_id: str
    version: str


def client() -> "MlflowClient":
    """A client for ``MLFLOW_TRACKING_URI``, else for ``mlflow.db`` in the current folder, its tables made if needed."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    import mlflow
    from mlflow.tracking import MlflowClient

    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{Path('mlflow.db').resolve()}"
    mlflow.set_tracking_uri(uri)
    with _one_at_a_time(uri), _as_tracking_error(uri):
        found = MlflowClient(uri)
        found.search_experiments(max_results=1)
    return found


def experiment_id(tracked: "MlflowClient") -> str:
    """The experiment's id; made with an explicit artifact folder where the store is a local database."""
    uri = str(tracked.tracking_uri)
    with _one_at_a_time(uri), _as_tracking_error(uri):
        found = tracked.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        where = Path("mlartifacts").resolve().as_uri() if uri.startswith("sqlite:") else None
        note = "Runs of `stance train`: compare `test/stance/macro_f1` first. One row is one training of one model."
        return str(tracked.create_experiment(EXPERIMENT, where, {"mlflow.note.content": note}))


def log_training(folder: Path, evaluation: "Evaluation", note: str, figures: Mapping[str, Any],
                 pages: Mapping[str, str]) -> Registered:
    """One flat run for one training: metrics (headline first), curve, data set, params, tags, figures, errors, model.

    ``figures`` and ``pages`` are matplotlib figures and texts by artifact path. The model is registered under the
    task's name.
    """
    import mlflow

    tracked = client()
    description = read_description(folder)
    experiment = experiment_id(tracked)
    record = evaluation.record
    with _as_tracking_error(str(tracked.tracking_uri)):
        mlflow.set_experiment(experiment_id=experiment)
        with mlflow.start_run(run_name=description.name, tags={**record["tags"], "mlflow.note.content": note}) as run:
            _log_metrics(evaluation)
            mlflow.log_params({name: str(value)[:6000] for name, value in record["params"].items()})
            mlflow.log_input(_dataset(record["dataset"]), context="training")
            _log_tables(evaluation)
            for name, figure in figures.items():
                mlflow.log_figure(figure, name)
            for name, page in pages.items():
                mlflow.log_text(page, name)
            version = _log_model(folder, description.task.name)
        tracked.set_model_version_tag(description.task.name, version, "model_id", load_id(folder))
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


def load_id(folder: Path) -> str:
    """Name and digest of the model in ``folder``."""
    from pipeline.model import file_digest

    return f"{read_description(folder).name}-{file_digest(folder / 'model.json')[:12]}"


def promote(name: str, version: str, reason: str) -> None:
    """Move the alias ``champion`` of registered model ``name`` to ``version``; tags keep when and why."""
    tracked = client()
    with _as_tracking_error(str(tracked.tracking_uri)):
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        before = champion(name, tracked)
        if before is not None and before != version:
            tracked.set_model_version_tag(name, before, "champion_until", now)
        tracked.set_registered_model_alias(name, ALIAS, version)
        for key, value in {"champion_from": now, "promotion_reason": reason}.items():
            tracked.set_model_version_tag(name, version, key, value)
        tracked.set_registered_model_tag(name, f"champion_at_{now}", f"version {version}: {reason}")


def champion(name: str, tracked: "MlflowClient | None" = None) -> str | None:
    """Version of registered model ``name`` that the alias ``champion`` points to, or None."""
    from mlflow.exceptions import MlflowException

    try:
        return str((tracked or client()).get_model_version_by_alias(name, ALIAS).version)
    except MlflowException:
        return None


def version_of(name: str, model_id: str) -> str | None:
    """Newest version of registered model ``name`` that holds the model ``model_id``, or None."""
    tracked = client()
    with _as_tracking_error(str(tracked.tracking_uri)):
        found = [v for v in tracked.search_model_versions(f"name = '{name}'") if v.tags.get("model_id") == model_id]
    return str(max(found, key=lambda v: int(v.version)).version) if found else None


def fetch(uri: str, cache: Path = Path("models/registry")) -> Path:
    """Folder of the model at ``models:/...``, ``runs:/RUN`` or a bare run id, downloaded once per version.

    Raises ModelError when there is none, and says so when the alias ``champion`` has not been set yet.
    """
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    tracked = client()
    source = uri if uri.startswith("models:/") else f"runs:/{uri.removeprefix('runs:/').removesuffix('/model')}/model"
    try:
        key = source
        if uri.startswith("models:/") and "@" in uri:
            name, alias = uri.removeprefix("models:/").split("@", 1)
            key = f"models:/{name}/{tracked.get_model_version_by_alias(name, alias).version}"
        target = cache / key.replace(":/", "-").replace("/", "-")
        if not (target / "artifacts" / "model" / "model.json").exists():
            with tempfile.TemporaryDirectory(dir=_made(cache)) as scratch:
                fetched = Path(download_artifacts(artifact_uri=key, dst_path=scratch))
                fetched.rename(target)
    except (MlflowException, OSError) as error:
        hint = "; 'stance train' and 'stance promote' set it" if f"@{ALIAS}" in uri else ""
        raise ModelError(f"{uri}: not found at {tracked.tracking_uri}{hint} ({_first_line(error)})") from None
    return target / "artifacts" / "model"


def get_run(run_id: str) -> "Run":
    """The run, or ModelError when there is none."""
    from mlflow.exceptions import MlflowException

    tracked = client()
    try:
        return tracked.get_run(run_id)
    except MlflowException as error:
        raise ModelError(f"run {run_id}: not found at {tracked.tracking_uri} ({_first_line(error)})") from None


def load_named(name: str) -> Model:
    """A model by folder, registry name (``models:/NAME@champion``) or run id."""
    if name.startswith(("models:/", "runs:/")) or (len(name) == 32 and not Path(name).exists()):
        return load_model(fetch(name))
    return load_model(name)


def _log_model(folder: Path, registered: str) -> str:
    """Log the folder as a pyfunc whose code is ``serving.py`` (no pickle), and register it; returns the version."""
    import mlflow

    from pipeline.serving import input_example, signature

    requirements = [*_REQUIREMENTS, "torch", "transformers"] if (folder / "weights" / "encoder").exists() \
        else _REQUIREMENTS
    beside = folder / "evaluation.json"
    with tempfile.TemporaryDirectory() as scratch:
        clean = Path(scratch) / "model"
        _copy_without(folder, clean, beside.name)
        logged = mlflow.pyfunc.log_model(
            name="model", python_model=str(_HERE / "serving.py"), artifacts={"model": str(clean)},
            code_paths=[str(_HERE)], signature=signature(read_description(folder).task),
            input_example=input_example(), pip_requirements=requirements, registered_model_name=registered)
    return str(logged.registered_model_version)


def _copy_without(source: Path, target: Path, skipped: str) -> None:
    import shutil

    shutil.copytree(source, target, ignore=shutil.ignore_patterns(skipped))


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


@contextlib.contextmanager
def _one_at_a_time(uri: str) -> Iterator[None]:
    """A file lock around the first use of a local database: MLflow's migrations race otherwise."""
    if not uri.startswith("sqlite:///"):
        yield
        return
    with open(Path(uri.removeprefix("sqlite:///")).with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _as_tracking_error(uri: str) -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        raise TrackingError(f"{uri}: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
