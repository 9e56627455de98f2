"""A pretrained encoder, fine-tuned with all heads in one model, and answered by its exported graph."""

import json
import os
import shutil
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from pipeline.classifiers.lessons import LessonsConfig
from pipeline.classifiers.runtime import Session, TorchSession, calibrate, export
from pipeline.classifiers.tokens import batches
from pipeline.errors import MissingExtraError, ModelError
from pipeline.task import Examples, FloatArray, Scores, Sentence, Task, decide

if TYPE_CHECKING:
    from pipeline.classifiers.network import StanceNetwork

_ENCODER, _HEADS, _GRAPH, _RANGES = "encoder", "heads.safetensors", "model.onnx", "ranges.json"
#: Training sentences whose values set the ranges of int8, and held-out sentences on which the export is checked.
_CALIBRATED, _CHECKED = 256, 1000


class TransformerConfig(LessonsConfig):
    """Hyperparameters of TransformerClassifier."""

    uses_all_cores: ClassVar[bool] = True
    cross_validated: ClassVar[bool] = False
    classifier: Literal["transformer"] = "transformer"
    encoder: str = Field("minilm", description="minilm, mpnet, a local folder, or an id on the hub")
    context: bool = Field(True, description="show the preceding sentence, else the title")
    frozen_layers: int = Field(0, ge=0, description="encoder layers from the bottom, embeddings included, that stay as is")
    max_tokens: int = Field(128, ge=16, le=512, description="longest input; the context is cut first")
    epochs: int = Field(4, ge=1)
    patience: int = Field(2, ge=1, description="epochs without a better valid score before training stops")
    batch_size: int = Field(16, ge=1)
    learning_rate: float = Field(8e-5, gt=0)
    heads_learning_rate: float = Field(1e-3, gt=0)
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps")
    weight_decay: float = Field(0.01, ge=0)
    dropout: float = Field(0.1, ge=0, lt=1, description="before the heads; the encoder has none")
    balance: float = Field(0.5, ge=0, le=1, description="0: classes as they come; 1: every class weighs the same")
    threads: int = Field(0, ge=0, description="0: as many as there are cores")
    runtime: Literal["openvino", "openvino-int8", "torch"] = Field(
        "openvino", description="what answers: the exported graph, its 8-bit form (faster, but some labels move), or torch")
    seed: int = 0

    @staticmethod
    def space_names() -> tuple[str, ...]:
        return ("learning_rate", "epochs", "balance", "dropout")

    @staticmethod
    def space(trial: Any) -> dict[str, Any]:
        """What ``stance tune`` tries."""
        return {"learning_rate": trial.suggest_float("learning_rate", 2e-5, 3e-4, log=True),
                "epochs": trial.suggest_int("epochs", 2, 8), "balance": trial.suggest_float("balance", 0, 1),
                "dropout": trial.suggest_float("dropout", 0, 0.3)}

    def build(self, task: Task) -> "TransformerClassifier":
        return TransformerClassifier(task, self)

    def load(self, task: Task, folder: Path) -> "TransformerClassifier":
        return TransformerClassifier.load(task, self, folder)


class TransformerClassifier:
    """Fine-tuned encoder with a linear layer for all heads.

    Learned: ``tokenizer_``, ``history_`` (a list of step, name and value of losses and scores) and ``export_`` (how the
    exported graph does beside the network it came from). ``runtime_`` says what answers, and in which precision.
    """

    def __init__(self, task: Task, config: TransformerConfig) -> None:
        self.task = task
        self.config = config
        self.history_: list[tuple[int, str, float]] = []
        self.export_: dict[str, float] = {}
        self._graph = b""
        self._ranges: dict[str, tuple[float, float]] | None = None
        self._folder: Path | None = None

    def fit(self, train: Examples, valid: Examples) -> "TransformerClassifier":
        """Fine-tune on ``train`` and keep the epoch that does best on ``valid`` (macro-F1, mean of the heads).

        What answers from here on is what answers after ``load``: the exported graph, unless ``runtime`` is torch.
        """
        _require("torch", "transformers")
        from pipeline.classifiers.finetune import finetune

        self.network_, self._pretrained, self.history_ = finetune(self.task, self.config, train, valid)
        self.tokenizer_ = self._pretrained.backend_tokenizer
        self._pad_id = self._pretrained.pad_token_id or 0
        if self.config.runtime != "torch":
            _require("onnx", "openvino")
            _, feed = next(self._batches([Sentence("One.", "Two."), Sentence("Three and four.")]))
            self._graph = export(self.network_, feed)
        if self.config.runtime == "openvino-int8":
            some = train.sentences[::max(1, len(train.sentences) // _CALIBRATED)]
            self._ranges = calibrate(self._graph, (feed for _, feed in self._batches(some)))
        self._start()
        if self._graph:
            self.export_ = self._check(valid)
        return self

    def predict_proba(self, sentences: list[Sentence]) -> Scores:
        """Probabilities of every label, shape (n, labels) a head."""
        return _probabilities(self.task, self.logits(sentences))

    def logits(self, sentences: list[Sentence], session: Session | TorchSession | None = None) -> FloatArray:
        """Raw outputs, shape (n, all labels), computed in batches of like length; of this model's session by default."""
        out = np.zeros((len(sentences), sum(len(head.labels) for head in self.task.heads.values())))
        for rows, values in (session or self._session).run(self._batches(sentences)):
            out[rows] = values
        return out

    def save(self, folder: Path) -> None:
        """Write encoder, tokenizer and heads as safetensors and JSON, and the exported graph as ONNX."""
        folder.mkdir(parents=True, exist_ok=True)
        if self._folder:
            shutil.copytree(self._folder, folder, dirs_exist_ok=True)
            return
        from safetensors.torch import save_file

        self.network_.encoder.save_pretrained(folder / _ENCODER)  # type: ignore[operator]
        self._pretrained.save_pretrained(folder / _ENCODER)
        save_file({name: value.contiguous() for name, value in self.network_.heads.state_dict().items()},
                  folder / _HEADS)
        if self._graph:
            (folder / _GRAPH).write_bytes(self._graph)
        if self._ranges is not None:
            (folder / _RANGES).write_text(json.dumps(self._ranges), encoding="utf-8")

    @classmethod
    def load(cls, task: Task, config: TransformerConfig, folder: Path) -> "TransformerClassifier":
        """Read what ``save`` wrote. Raises ModelError when a file is missing, damaged or does not fit the task.

        Where the graph or OpenVINO is missing, torch answers, and a warning says so.
        """
        self = cls(task, config)
        self._folder = folder
        reason = "" if config.runtime == "torch" else _why_torch(folder)
        if reason:
            warnings.warn(f"{folder}: {reason}, so torch answers, several times slower", RuntimeWarning, stacklevel=2)
        with_torch = bool(reason) or config.runtime == "torch"
        _require("tokenizers", *(["torch", "transformers"] if with_torch else []))
        try:
            self._read(folder, with_torch)
            self._start()
        except Exception as error:  # whatever a damaged file provokes
            raise ModelError(f"{folder}: damaged transformer: {' '.join(str(error).split())}") from None
        return self

    def _read(self, folder: Path, with_torch: bool) -> None:
        from safetensors import safe_open
        from tokenizers import Tokenizer

        for weights in (folder / _HEADS, folder / _ENCODER / "model.safetensors"):
            with safe_open(weights, framework="numpy"):  # whole, even where the graph answers in its stead
                pass
        self.tokenizer_ = Tokenizer.from_file(str(folder / _ENCODER / "tokenizer.json"))
        self._pad_id = json.loads((folder / _ENCODER / "config.json").read_text(encoding="utf-8")).get("pad_token_id") or 0
        if with_torch:
            self.network_ = _read_network(self.task, self.config, folder)
            return
        self._graph = (folder / _GRAPH).read_bytes()
        if self.config.runtime == "openvino-int8":
            self._ranges = json.loads((folder / _RANGES).read_text(encoding="utf-8"))

    def _start(self) -> None:
        threads = self.config.threads
        self._session = Session(self._graph, self._ranges, threads) if self._graph else TorchSession(self.network_, threads)
        self.runtime_ = f"{'openvino' if self._graph else 'torch'} {self._session.precision}"

    def _batches(self, sentences: list[Sentence]) -> Any:
        return batches(self.tokenizer_, sentences, self.config.context, self.config.max_tokens, self._pad_id)

    def _check(self, valid: Examples) -> dict[str, float]:
        """The exported graph beside the network, on held-out sentences: same labels, change of probability, macro-F1."""
        from pipeline.classifiers.finetune import macro_f1

        sentences = valid.sentences[:_CHECKED]
        gold = np.concatenate(list(valid.targets.values()), axis=1)[:_CHECKED]
        ours, theirs = self.logits(sentences), self.logits(sentences, TorchSession(self.network_, self.config.threads))
        return {**compare(self.task, ours, theirs), "export/macro_f1": macro_f1(self.task, ours, gold),
                "export/original_macro_f1": macro_f1(self.task, theirs, gold)}


def compare(task: Task, ours: FloatArray, theirs: FloatArray) -> dict[str, float]:
    """Share of rows with the same labels, and the mean change of a probability (of the label that changes most)."""
    scores = [_probabilities(task, logits) for logits in (ours, theirs)]
    labels = [np.concatenate(list(decide(task, each, {}).values()), axis=1) for each in scores]
    change = np.abs(np.concatenate([scores[0][name] - scores[1][name] for name in task.heads], axis=1))
    return {"export/same_labels": float((labels[0] == labels[1]).all(axis=1).mean()),
            "export/mean_change": float(change.mean(axis=0).max())}


def _probabilities(task: Task, logits: FloatArray) -> Scores:
    from scipy.special import expit, softmax

    at = 0
    scores: Scores = {}
    for name, head in task.heads.items():
        part = logits[:, at:at + len(head.labels)]
        scores[name] = softmax(part, axis=1) if head.kind == "one" else expit(part)
        at += len(head.labels)
    return scores


def _why_torch(folder: Path) -> str:
    """Why the exported graph cannot answer; empty when it can."""
    if not (folder / _GRAPH).exists():
        return f"holds no {_GRAPH} (a model trained by an earlier version)"
    return "" if find_spec("openvino") else "the package openvino is not installed"


def _read_network(task: Task, config: TransformerConfig, folder: Path) -> "StanceNetwork":
    from safetensors.torch import load_file
    from transformers import AutoModel

    from pipeline.classifiers.network import StanceNetwork

    network = StanceNetwork(AutoModel.from_pretrained(folder / _ENCODER, use_safetensors=True), task, config.dropout)
    network.heads.load_state_dict(load_file(folder / _HEADS))
    return network


def _require(*packages: str) -> None:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    if not all(find_spec(package) for package in packages):
        raise MissingExtraError("transformer", "the transformer model")
