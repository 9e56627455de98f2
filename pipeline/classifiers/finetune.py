"""Fine-tuning with the transformers Trainer: class weights, early stopping, batches of like length, fixed seed."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import datasets
import numpy as np
import torch
from sklearn.metrics import f1_score
from torch import nn
from transformers import (
    AutoModel,
    AutoTokenizer,
    EarlyStoppingCallback,
    EvalPrediction,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from pipeline.classifiers.encoders import find_encoder
from pipeline.classifiers.network import StanceNetwork
from pipeline.classifiers.runtime import torch_threads
from pipeline.classifiers.tokens import encode, pad
from pipeline.classifiers.transformer import TransformerConfig
from pipeline.task import Examples, Task

History = list[tuple[int, str, float]]


def finetune(task: Task, config: TransformerConfig, train: Examples,
             valid: Examples) -> tuple[StanceNetwork, PreTrainedTokenizerBase, History]:
    """Train on ``train``; return the network of the best epoch on ``valid``, its tokenizer, and the curve."""
    set_seed(config.seed)
    source = find_encoder(config.encoder)
    tokenizer = AutoTokenizer.from_pretrained(source)
    encoder = AutoModel.from_pretrained(source)
    network = StanceNetwork(encoder, task, config.dropout, class_weights(task, train, config.balance))
    _freeze(encoder, config.frozen_layers)
    history: History = []
    with tempfile.TemporaryDirectory() as scratch:
        trainer = Trainer(
            model=network,
            args=_arguments(config, scratch),
            train_dataset=_dataset(tokenizer, train, config),
            eval_dataset=_dataset(tokenizer, valid, config),
            data_collator=lambda rows: _collate(tokenizer, rows),
            compute_metrics=lambda outcome: _judge(task, outcome),
            callbacks=[EarlyStoppingCallback(config.patience), _Recorder(history)],
            optimizers=(_optimizer(network, config), None),
        )
        with torch_threads(config.threads), _quick(encoder):
            trainer.train()
        trainer.accelerator.unwrap_model(network, keep_fp32_wrapper=False)  # its forward no longer rounds to bfloat16
    return network, tokenizer, history


def class_weights(task: Task, train: Examples, balance: float) -> torch.Tensor:
    """One weight a label, heads in a row: inverse frequency (one-of), or negatives per positive, to ``balance``."""
    weights: list[float] = []
    for name, head in task.heads.items():
        mass = (train.targets[name] * train.weights[:, None]).sum(0)
        total = float(train.weights.sum())
        seen = np.maximum(mass, 1.0)
        ratio = total / (len(seen) * seen) if head.kind == "one" else np.maximum(total - mass, 1.0) / seen
        weights += (ratio ** balance).tolist()
    return torch.tensor(weights, dtype=torch.float32)


@contextmanager
def _quick(encoder: Any) -> Iterator[None]:
    """Trains without dropout inside the encoder, and with plain attention; afterwards scores as it did before.

    Both for speed on a processor: drawing the masks took a third of an epoch, and at a sentence's length the backward
    pass of the fused attention is the slower one. The heads keep their dropout.
    """
    attention = encoder.config._attn_implementation
    encoder.set_attn_implementation("eager")
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    try:
        yield
    finally:
        encoder.set_attn_implementation(attention)


def _freeze(encoder: Any, layers: int) -> None:
    if layers:
        for module in (encoder.embeddings, *encoder.encoder.layer[:layers]):
            module.requires_grad_(False)


def _dataset(tokenizer: PreTrainedTokenizerBase, examples: Examples, config: TransformerConfig) -> datasets.Dataset:
    columns: dict[str, Any] = encode(tokenizer.backend_tokenizer, examples.sentences, config.context, config.max_tokens)
    columns["labels"] = np.concatenate(list(examples.targets.values()), axis=1).tolist()
    columns["weight"] = examples.weights.tolist()
    columns["length"] = [len(ids) for ids in columns["input_ids"]]
    return datasets.Dataset.from_dict(columns)


def _collate(tokenizer: PreTrainedTokenizerBase, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    batch = {name: torch.from_numpy(values) for name, values in pad(rows, tokenizer.pad_token_id or 0).items()}
    return batch | {key: torch.tensor([row[key] for row in rows], dtype=torch.float32) for key in ("labels", "weight")}


def has_bf16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware; elsewhere it would be slower than float32."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and torch.cpu._is_avx512_bf16_supported()


def _arguments(config: TransformerConfig, scratch: str) -> TrainingArguments:
    return TrainingArguments(
        output_dir=scratch,
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=64,
        warmup_steps=config.warmup,
        train_sampling_strategy="group_by_length",
        bf16=has_bf16(),
        use_cpu=True,
        seed=config.seed,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_only_model=True,
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model="macro_f1",
        greater_is_better=True,
        label_names=["labels"],
        logging_steps=20,
        report_to="none",
        dataloader_pin_memory=False,
    )


def _optimizer(network: StanceNetwork, config: TransformerConfig) -> torch.optim.Optimizer:
    """AdamW, with a faster rate for the fresh heads than for the pretrained encoder, no decay on biases and norms."""
    groups: list[dict[str, Any]] = []
    modules: list[tuple[nn.Module, float]] = [(network.encoder, config.learning_rate),
                                              (network.heads, config.heads_learning_rate)]
    for module, rate in modules:
        for decays in (True, False):
            picked = [p for p in module.parameters() if p.requires_grad and (p.ndim > 1) is decays]
            groups.append({"params": picked, "lr": rate, "weight_decay": config.weight_decay if decays else 0.0})
    return torch.optim.AdamW(groups, fused=True)


def macro_f1(task: Task, logits: Any, gold: Any) -> float:
    """Mean over heads of the macro-F1 of the plain labels; ``logits`` and ``gold`` have shape (n, all labels)."""
    at, scores = 0, []
    for head in task.heads.values():
        span = slice(at, at := at + len(head.labels))
        if head.kind == "one":
            pair = gold[:, span].argmax(1), logits[:, span].argmax(1)
        else:
            pair = gold[:, span] >= 0.5, logits[:, span] > 0
        scores.append(float(f1_score(*pair, average="macro", zero_division=0)))
    return float(np.mean(scores))


def _judge(task: Task, outcome: EvalPrediction) -> dict[str, float]:
    return {"macro_f1": macro_f1(task, np.asarray(outcome.predictions), np.asarray(outcome.label_ids))}


class _Recorder(TrainerCallback):  # type: ignore[misc]
    """Keeps the curve of losses and scores, as (step, name, value)."""

    def __init__(self, history: History) -> None:
        self._history = history

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        named = {"loss": "train/loss", "eval_loss": "valid/loss", "eval_macro_f1": "valid/macro_f1"}
        self._history += [(state.global_step, named[key], value) for key, value in (logs or {}).items() if key in named]
