"""A pretrained encoder, fine-tuned with all heads in one model."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from pipeline.config import Settings
from pipeline.errors import MissingExtraError, ModelError
from pipeline.task import Examples, FloatArray, Scores, Sentence, Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


_ENCODER, _HEADS = "encoder", "heads.safetensors"
#: Tokens in one inference batch, padding included: keeps the arithmetic busy and memory flat at any sentence length.
_TOKENS_PER_BATCH = 4096


class TransformerConfig(Settings):
    """Hyperparameters of TransformerClassifier."""

    uses_all_cores: ClassVar[bool] = True
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
    dropout: float = Field(0.1, ge=0, lt=1)
    balance: float = Field(0.5, ge=0, le=1, description="0: classes as they come; 1: every class weighs the same")
    threads: int = Field(0, ge=0, description="0: as many as torch sees fit")
    seed: int = 0

    def build(self, task: Task) -> "TransformerClassifier":
        return TransformerClassifier(task, self)

    def load(self, task: Task, folder: Path) -> "TransformerClassifier":
        return TransformerClassifier.load(task, self, folder)


class TransformerClassifier:
    """Fine-tuned encoder with a linear layer for all heads.

    Learned: ``network_``, ``tokenizer_``, and ``history_`` (a list of step, name and value of losses and scores).
    """

    def __init__(self, task: Task, config: TransformerConfig) -> None:
        self.task = task
        self.config = config

    def fit(self, train: Examples, valid: Examples) -> "TransformerClassifier":
        """Fine-tune on ``train`` and keep the epoch that does best on ``valid`` (macro-F1, mean of the heads)."""
        _require_torch()
        from pipeline.classifiers.finetune import finetune

        with _threads(self.config.threads):
            self.network_, self.tokenizer_, self.history_ = finetune(self.task, self.config, train, valid)
        return self

    def predict_proba(self, sentences: list[Sentence]) -> Scores:
        """Probabilities of every label, shape (n, labels) a head."""
        from scipy.special import expit, softmax

        logits = self.logits(sentences)
        scores: Scores = {}
        at = 0
        for name, head in self.task.heads.items():
            part = logits[:, at:at + len(head.labels)]
            scores[name] = softmax(part, axis=1) if head.kind == "one" else expit(part)
            at += len(head.labels)
        return scores

    def logits(self, sentences: list[Sentence]) -> FloatArray:
        """Raw outputs, shape (n, all labels), computed in batches of like length."""
        import torch

        width = sum(len(head.labels) for head in self.task.heads.values())
        out = np.zeros((len(sentences), width))
        encoded = encode(self.tokenizer_, sentences, self.config)
        self.network_.eval()
        with _threads(self.config.threads), torch.inference_mode(), bf16():
            for rows in _batches([len(ids) for ids in encoded["input_ids"]]):
                batch = pad(self.tokenizer_, [{key: values[i] for key, values in encoded.items()} for i in rows])
                out[rows] = self.network_(**batch)["logits"].double().numpy()
        return out

    def save(self, folder: Path) -> None:
        """Write encoder, tokenizer and heads as safetensors and JSON."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        self.network_.encoder.save_pretrained(folder / _ENCODER)  # type: ignore[operator]
        self.tokenizer_.save_pretrained(folder / _ENCODER)
        save_file({name: value.contiguous() for name, value in self.network_.heads.state_dict().items()},
                  folder / _HEADS)

    @classmethod
    def load(cls, task: Task, config: TransformerConfig, folder: Path) -> "TransformerClassifier":
        """Read what ``save`` wrote. Raises ModelError when a file is missing, damaged or does not fit the task."""
        _require_torch()
        from safetensors.torch import load_file
        from transformers import AutoModel, AutoTokenizer

        from pipeline.classifiers.network import StanceNetwork

        self = cls(task, config)
        self.history_ = []
        try:
            self.tokenizer_ = AutoTokenizer.from_pretrained(folder / _ENCODER)
            encoder = AutoModel.from_pretrained(folder / _ENCODER, use_safetensors=True)
            self.network_ = StanceNetwork(encoder, task, config.dropout)
            self.network_.heads.load_state_dict(load_file(folder / _HEADS))
        except Exception as error:  # whatever a damaged file provokes
            raise ModelError(f"{folder}: damaged transformer: {' '.join(str(error).split())}") from None
        return self


def encode(
    tokenizer: "PreTrainedTokenizerBase", sentences: list[Sentence], config: TransformerConfig
) -> dict[str, Any]:
    """Token ids of sentence and context, with ``own_mask`` 1 on the sentence's own tokens; not padded.

    A sentence too long for ``max_tokens`` is cut at its end; a context gives way to the sentence.
    """
    if not sentences:
        return {"input_ids": [], "attention_mask": [], "own_mask": []}
    texts = [s.text or " " for s in sentences]
    contexts = [s.context for s in sentences] if config.context else None
    try:
        encoded = tokenizer(texts, contexts, truncation="only_second" if contexts else True,
                            max_length=config.max_tokens)
    except Exception:  # a sentence that fills max_tokens alone: no context is left to cut
        encoded = tokenizer(texts, contexts, truncation="longest_first", max_length=config.max_tokens)
    encodings = encoded.encodings or []
    own = [[int(part == 0) for part in encoding.sequence_ids] for encoding in encodings]
    return {**encoded, "own_mask": own}


def pad(tokenizer: "PreTrainedTokenizerBase", rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows of ``encode`` (with or without labels) as one batch of tensors, padded to its longest row."""
    import torch

    longest = max(len(row["input_ids"]) for row in rows)
    fill = {"input_ids": tokenizer.pad_token_id or 0, "attention_mask": 0, "own_mask": 0, "token_type_ids": 0}
    batch = {key: torch.tensor([list(row[key]) + [value] * (longest - len(row[key])) for row in rows])
             for key, value in fill.items() if key in rows[0]}
    for key in ("labels", "weight"):
        if key in rows[0]:
            batch[key] = torch.tensor([row[key] for row in rows], dtype=torch.float32)
    return batch


def has_bf16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware; elsewhere it would be slower than float32."""
    import torch

    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and torch.cpu._is_avx512_bf16_supported()


@contextlib.contextmanager
def bf16() -> Iterator[None]:
    """Matrix products in bfloat16 where the processor has it."""
    import torch

    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=has_bf16()):
        yield


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Positions of like length, longest first, at most _TOKENS_PER_BATCH padded tokens a batch."""
    rows: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        if rows and lengths[rows[0]] * (len(rows) + 1) > _TOKENS_PER_BATCH:
            yield rows
            rows = []
        rows.append(i)
    if rows:
        yield rows


def _require_torch() -> None:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError:
        raise MissingExtraError("transformer", "the transformer model") from None
