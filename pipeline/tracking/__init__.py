"""MLflow: the store (here), runs, the registry and serving. The only room that imports mlflow."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import TrackingError

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


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
    with one_at_a_time(uri), as_tracking_error(uri):
        found = MlflowClient(uri)
        found.search_experiments(max_results=1)
    return found


@contextlib.contextmanager
def one_at_a_time(uri: str) -> Iterator[None]:
    """A file lock around the first use of a local database: MLflow's migrations race otherwise."""
    if not uri.startswith("sqlite:///"):
        yield
        return
    with open(Path(uri.removeprefix("sqlite:///")).with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def as_tracking_error(uri: str) -> Iterator[None]:
    """Whatever MLflow or the network says, as one line."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        raise TrackingError(f"{uri}: {first_line(error)}") from None


def insist(write: Callable[..., object], *values: Any) -> None:
    """Call ``write``, and once more if it fails.

    Where two processes insert the same row at once, a database server refuses the second; trying again, it finds the row.
    """
    from mlflow.exceptions import MlflowException

    try:
        write(*values)
    except MlflowException:
        write(*values)


def first_line(error: Exception) -> str:
    """The first line of an error, shortened."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]
