"""YAML files to pydantic models. An unknown key or a bad value is one line: file, key, value, what was allowed."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from pipeline.errors import ConfigError

#: Bytes a YAML file may have, and values it may come to once its aliases are followed.
_LARGEST = 1_000_000
T = TypeVar("T")


class Settings(BaseModel):
    """Base of every configuration: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises ConfigError when it is missing, is not YAML, or is not a mapping."""
    try:
        with Path(path).open("rb") as file:
            text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise ValueError(f"longer than the {_LARGEST} bytes allowed")
        _check_size(yaml.compose(text.decode("utf-8-sig"), yaml.SafeLoader), {})
        content = yaml.safe_load(text.decode("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except Exception as error:  # the library lets errors of all kinds through: of dates, numbers, depth
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: holds {type(content).__name__}, not keys and values")
    return content


def _check_size(node: yaml.Node | None, known: dict[int, int]) -> int:
    """How many values ``node`` comes to with every alias written out. ValueError where it holds itself or too many."""
    if id(node) in known:
        if known[id(node)] < 0:
            raise ValueError("an alias that leads into itself")
        return known[id(node)]
    known[id(node)] = -1
    parts = node.value if isinstance(node, yaml.CollectionNode) else []
    flat = [part for pair in parts for part in pair] if isinstance(node, yaml.MappingNode) else parts
    known[id(node)] = size = 1 + sum(_check_size(part, known) for part in flat)
    if size > _LARGEST:
        raise ValueError(f"more than the {_LARGEST} values allowed, once its aliases are followed")
    return size


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
    return f"{key or 'value'} {_shown(first['input'])}: {message}"


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # a whole number too long to be written in decimals, from 0x... in YAML
        return f"{type(value).__name__} too long to show"
    return text if len(text) < 80 else text[:77] + "..."


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
