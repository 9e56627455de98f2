"""The champion: in the registry as an alias, and on this machine as a pointer that scoring reads without mlflow."""

import json
from pathlib import Path

from pipeline.errors import ModelError
from pipeline.model import Model, file_digest
from pipeline.score import write_text
from pipeline.tracking.registry import promote, version_of

#: Names folder and digest of the champion's model.
POINTER = Path("models/champion.json")


def registered_version(model: Model) -> str:
    """The registry's version of ``model``. Raises ModelError when it was never registered."""
    version = version_of(model.task.name, model.id)
    if version is None:
        raise ModelError(f"{model.id}: not registered; run 'stance upload' on its folder first")
    return version


def set_champion(name: str, version: str, folder: Path, reason: str) -> None:
    """Point alias and pointer at ``version``, whose model lies in ``folder``."""
    promote(name, version, reason)
    pointer = {"name": name, "version": version, "folder": str(folder), "digest": file_digest(folder / "model.json")}
    POINTER.parent.mkdir(parents=True, exist_ok=True)
    write_text(json.dumps(pointer, indent=1), POINTER)


def has_champion(name: str) -> bool:
    """Whether the pointer names a champion of the registered model ``name``."""
    try:
        return bool(json.loads(POINTER.read_text(encoding="utf-8"))["name"] == name)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def champion_folder() -> Path:
    """Folder of the champion: where the pointer says, if it still holds that model, else fetched from the registry."""
    try:
        pointer = json.loads(POINTER.read_text(encoding="utf-8"))
        folder, name, version = Path(pointer["folder"]), pointer["name"], pointer["version"]
        if (folder / "model.json").exists() and file_digest(folder / "model.json") == pointer["digest"]:
            return folder
    except FileNotFoundError:
        raise ModelError("no champion yet; 'make train' or 'stance promote' makes one, or name a model: --model "
                         "models/tfidf") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{POINTER}: damaged ({error}); 'stance promote' writes it anew") from None
    from pipeline.tracking.registry import fetch

    return fetch(f"models:/{name}/{version}")
