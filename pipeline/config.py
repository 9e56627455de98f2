"""YAML files to pydantic models. An unknown key or a bad value is one line: file, key, value, what was allowed."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from pipeline.errors import ConfigError

T = TypeVar("T")


class Settings(BaseModel):
    """Base of every configuration: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises ConfigError when it is missing, is not YAML, or is not a mapping."""
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: holds {type(content).__name__}, not keys and values")
    return content


def load_config(path: str | Path, kind: Any) -> Any:
    """Read ``path`` as ``kind``: a pydantic model or a union of them told apart by a key."""
    return validate(read_yaml(path), kind, str(path))


def validate(content: Any, kind: Any, where: str) -> Any:
    """``content`` as ``kind``; raises ConfigError, naming ``where``, the key, the value and what was allowed."""
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        raise ConfigError(f"{where}: {explain(error, kind)}") from None


def explain(error: ValidationError, kind: Any = None) -> str:
    """The first complaint of a pydantic error as one line, with the known keys when a key is unknown."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _known_keys(kind, [str(part) for part in first["loc"][:-1]])
        return f"unknown key '{first['loc'][-1]}'" + (f"; known keys: {', '.join(known)}" if known else "")
    if first["type"] == "missing":
        return f"key '{key}' is missing"
    message = first["msg"].removeprefix("Value error, ")
    shown = repr(first["input"])
    return f"{key or 'value'} {shown if len(shown) < 80 else shown[:77] + '...'}: {message}"


def _known_keys(kind: Any, path: list[str]) -> list[str]:
    """Keys of the model that ``path`` leads to, following fields, unions and containers by name."""
    models = _models_in(kind)
    for step in path:
        tagged = [m for m in models if step in _tags(m)]
        if tagged:
            models = tagged
            continue
        inner = [m for model in models if step in model.model_fields
                 for m in _models_in(model.model_fields[step].annotation)]
        models = inner or models
    return sorted({key for model in models for key in model.model_fields})


def _models_in(kind: Any) -> list[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for part in getattr(kind, "__args__", ()) for model in _models_in(part)]


def _tags(model: type[BaseModel]) -> list[str]:
    """The values by which a union tells this model apart (its Literal defaults)."""
    return [str(field.default) for field in model.model_fields.values() if isinstance(field.default, str)]
