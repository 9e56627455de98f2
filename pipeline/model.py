"""A trained model as one thing: classifier, calibration, thresholds; and the folder it is saved in and checked from."""

import hashlib
import json
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from pipeline.calibrate import Calibration
from pipeline.classifiers import Classifier, ClassifierConfig
from pipeline.config import Settings, validate
from pipeline.errors import ConfigError, ModelError
from pipeline.task import BoolArray, Decisions, Scores, Sentence, Task, Thresholds, confidence, decide

FORMAT = 1
_DESCRIPTION = "model.json"
_WEIGHTS = "weights"
_WORDS = "words.txt"
#: Files that may stand beside the weights without being part of the model.
_BESIDE = {"evaluation.json", "model_card.md", "report.html"}
#: Endings a weight file may have: none of these formats can run code.
_SAFE = {".json", ".safetensors", ".txt", ".onnx", ".model", ".jinja"}
_LARGEST = 8 * 2**30
_LARGEST_DESCRIPTION = 64 * 2**20
_PACKAGES = ("numpy", "scikit-learn", "torch", "transformers", "tokenizers", "openvino")


class Description(Settings):
    """What ``model.json`` holds."""

    format: int
    name: str
    task: Task
    config: ClassifierConfig
    calibration: Calibration = Calibration()
    thresholds: dict[str, list[float]] = {}
    limits: dict[str, float] = {}
    codebook: str
    corpus: str = Field(description="fingerprint of the labelled data")
    versions: dict[str, str] = {}
    about: dict[str, Any] = {}
    files: dict[str, str] = Field(description="SHA-256 of every weight file, by path")


@dataclass(frozen=True)
class Model:
    """What is saved, registered and scored with. ``digest`` is the SHA-256 of ``model.json``, which lists the rest."""

    name: str
    task: Task
    config: Any
    classifier: Classifier
    calibration: Calibration
    thresholds: Thresholds
    limits: dict[str, float]
    corpus: str
    about: dict[str, Any] = field(default_factory=dict)
    words: frozenset[str] = frozenset()
    digest: str = ""

    @property
    def id(self) -> str:
        return f"{self.name}-{self.digest[:12]}"

    def predict_proba(self, sentences: list[Sentence]) -> Scores:
        """Calibrated probabilities, shape (n, labels) a head."""
        return self.calibration.apply(self.task, self.classifier.predict_proba(sentences))

    def answer(self, sentences: list[Sentence]) -> tuple[Scores, list[str]]:
        """Calibrated probabilities and, for a classifier made of several, which of them gave each (else nothing)."""
        if not hasattr(self.classifier, "answer"):
            return self.predict_proba(sentences), []
        scores, sources = self.classifier.answer(sentences)
        return self.calibration.apply(self.task, scores), sources

    def decide(self, scores: Scores) -> Decisions:
        """Labels at this model's thresholds."""
        return decide(self.task, scores, self.thresholds)

    def uncertain(self, scores: Scores) -> BoolArray:
        """Rows on which some head is less sure than this model's limit for it, shape (n,)."""
        flags = [confidence(self.task.heads[name], scores[name]) < limit for name, limit in self.limits.items()]
        return np.any(flags, axis=0) if flags else np.zeros(len(next(iter(scores.values()))), dtype=bool)


def save_model(model: Model, folder: Path) -> Model:
    """Write ``model`` to ``folder`` whole or not at all, replacing what was there; returns it with its digest."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        new = Path(scratch) / "new"
        model.classifier.save(new / _WEIGHTS)
        (new / _WORDS).write_text("\n".join(sorted(model.words)), encoding="utf-8")
        description = Description(
            format=FORMAT, name=model.name, task=model.task, config=model.config, calibration=model.calibration,
            thresholds={name: values.tolist() for name, values in model.thresholds.items()}, limits=model.limits,
            codebook=model.task.codebook, corpus=model.corpus, versions=_versions(), about=model.about,
            files={path.relative_to(new).as_posix(): file_digest(path) for path in sorted(new.rglob("*"))
                   if path.is_file()})
        content = json.dumps(description.model_dump(mode="json"), indent=1, ensure_ascii=False)
        (new / _DESCRIPTION).write_text(content, encoding="utf-8")
        if folder.exists():
            folder.rename(Path(scratch) / "old")
        new.rename(folder)
    return Model(**{**vars(model), "digest": file_digest(folder / _DESCRIPTION)})


def load_model(folder: str | Path) -> Model:
    """Read a model folder. Raises ModelError when anything in it is missing, changed, unexpected or unsafe."""
    folder = Path(folder)
    description = read_description(folder)
    _check_files(folder, description.files)
    classifier = description.config.load(description.task, folder / _WEIGHTS)
    return Model(description.name, description.task, description.config, classifier, description.calibration,
                 {name: np.array(values) for name, values in description.thresholds.items()}, description.limits,
                 description.corpus, description.about, _read_words(folder / _WORDS), file_digest(folder / _DESCRIPTION))


def read_description(folder: Path) -> Description:
    """``model.json`` alone, without the weights."""
    path = folder / _DESCRIPTION
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such model folder; 'stance train' makes models/tfidf and models/transformer")
    try:
        if path.stat().st_size > _LARGEST_DESCRIPTION:
            raise ModelError(f"{path}: {path.stat().st_size} bytes, more than the {_LARGEST_DESCRIPTION} allowed")
        content = json.loads(path.read_text(encoding="utf-8"))
        description = validate(content, Description, str(path))
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file, so this is not a model folder") from None
    except (ValueError, RecursionError, OSError) as error:
        raise ModelError(f"{path}: damaged: {' '.join(str(error).split())}") from None
    except ConfigError as error:
        raise ModelError(str(error)) from None
    if description.format != FORMAT:
        raise ModelError(f"{path}: format {description.format} is not one of {FORMAT}")
    return description  # type: ignore[no-any-return]


def check_task(model: Model, task: Task) -> None:
    """Raises ModelError when ``model`` answers other questions than ``task`` asks."""
    if model.task.heads != task.heads:
        theirs, ours = (", ".join(f"{name}: {'/'.join(head.labels)}" for name, head in t.heads.items())
                        for t in (model.task, task))
        raise ModelError(f"model {model.id} was made for task '{model.task.name}' ({theirs}), "
                         f"but the data follows '{task.name}' ({ours})")


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def model_id(folder: Path) -> str:
    """Name and short digest of the model in ``folder``, without loading it."""
    return f"{read_description(folder).name}-{file_digest(folder / _DESCRIPTION)[:12]}"


def _check_files(folder: Path, listed: dict[str, str]) -> None:
    root = folder.resolve()
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise ModelError(f"{path}: a symbolic link, which a model folder may not hold")
        if path.is_file() and name not in listed and name != _DESCRIPTION and name not in _BESIDE:
            raise ModelError(f"{path}: not listed in {_DESCRIPTION}; a model holds nothing else than what is listed")
    for name, digest in listed.items():
        path = folder / name
        if not path.resolve().is_relative_to(root) or Path(name).suffix not in _SAFE:
            raise ModelError(f"{folder / _DESCRIPTION}: file {name!r} leads out of the folder or does not end in one "
                             f"of {', '.join(sorted(_SAFE))}")
        if not path.is_file():
            raise ModelError(f"{path}: listed in {_DESCRIPTION} but missing")
        if path.stat().st_size > _LARGEST:
            raise ModelError(f"{path}: {path.stat().st_size} bytes, more than the {_LARGEST} allowed")
        if file_digest(path) != digest:
            raise ModelError(f"{path}: changed since the model was saved (its SHA-256 differs from {_DESCRIPTION})")


def _read_words(path: Path) -> frozenset[str]:
    """Words of the training text, by which a batch is told to be far from it."""
    return frozenset(path.read_text(encoding="utf-8").split("\n")) if path.exists() else frozenset()


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
