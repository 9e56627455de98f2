"""The registry: versions of the model, the alias ``champion``, and downloads."""

import datetime as dt
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ModelError
from pipeline.tracking import as_tracking_error, client, first_line, insist

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

ALIAS = "champion"


def promote(name: str, version: str, reason: str) -> None:
    """Move the alias ``champion`` of registered model ``name`` to ``version``; tags keep when and why."""
    tracked = client()
    with as_tracking_error(str(tracked.tracking_uri)):
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        before = champion(name, tracked)
        if before is not None and before != version:
            insist(tracked.set_model_version_tag, name, before, "champion_until", now)
        insist(tracked.set_registered_model_alias, name, ALIAS, version)
        for key, value in {"champion_from": now, "promotion_reason": reason}.items():
            insist(tracked.set_model_version_tag, name, version, key, value)
        insist(tracked.set_registered_model_tag, name, f"champion_at_{now}", f"version {version}: {reason}")


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
    with as_tracking_error(str(tracked.tracking_uri)):
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
        raise ModelError(f"{uri}: not found at {tracked.tracking_uri}{hint} ({first_line(error)})") from None
    return target / "artifacts" / "model"


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
