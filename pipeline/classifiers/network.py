"""The neural network: one encoder, one linear layer for all heads, losses on shares of labels. Imports torch."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.task import Task


class StanceNetwork(nn.Module):
    """Encoder, mean of the sentence's own tokens, dropout, linear heads.

    The context is in the input, so it shapes the tokens of the sentence, but only those are averaged. ``class_weights``
    (one per label, all heads in a row) counter imbalance in the loss.
    """

    def __init__(self, encoder: nn.Module, task: Task, dropout: float, class_weights: Tensor | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.sizes = [len(head.labels) for head in task.heads.values()]
        self.kinds = [head.kind for head in task.heads.values()]
        self.typed = getattr(encoder.config, "type_vocab_size", 1) > 1  # tells sentence and context apart by token types
        self.heads = nn.Linear(encoder.config.hidden_size, sum(self.sizes))  # type: ignore[union-attr, arg-type]
        even = torch.ones(sum(self.sizes))
        self.class_weights: Tensor
        self.register_buffer("class_weights", even if class_weights is None else class_weights, persistent=False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, own_mask: Tensor,
                token_type_ids: Tensor | None = None, labels: Tensor | None = None,
                weight: Tensor | None = None) -> dict[str, Tensor]:
        """Logits of shape (n, all labels), and the loss where ``labels`` (shares, same shape) are given."""
        inputs: dict[str, Any] = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None and self.typed:
            inputs["token_type_ids"] = token_type_ids
        hidden = self.encoder(**inputs).last_hidden_state
        mask = own_mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
        logits = self.heads(self.dropout(mean)).float()
        if labels is None:
            return {"logits": logits}
        return {"loss": self._loss(logits, labels, weight), "logits": logits}

    def _loss(self, logits: Tensor, labels: Tensor, weight: Tensor | None) -> Tensor:
        """Sum over heads of the weighted mean of cross-entropy (one-of) or mean binary cross-entropy (many-of)."""
        per_row = torch.zeros(len(logits))
        at = 0
        for kind, size in zip(self.kinds, self.sizes, strict=True):
            span = slice(at, at := at + size)
            out, gold, scale = logits[:, span], labels[:, span], self.class_weights[span]
            if kind == "one":
                per_row = per_row - (scale * gold * functional.log_softmax(out, dim=1)).sum(1)
            else:
                loss = functional.binary_cross_entropy_with_logits(out, gold, pos_weight=scale, reduction="none")
                per_row = per_row + loss.sum(1)
        return per_row.mean() if weight is None else (per_row * weight).sum() / weight.sum().clamp(min=1e-9)
