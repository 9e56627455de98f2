"""Train again from what a run stored, and say whether the very same model came out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.corpus import Corpus
from pipeline.model import read_description
from pipeline.train import Evaluation, train

#: Metrics that measure the machine, not the model.
_TIMES = {"train/seconds"}


def circumstances(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two records of a training: one line a tag or parameter, empty when nothing does."""
    lines = []
    for kind in ("tags", "params"):
        for key in sorted({*then[kind], *now[kind]}):
            before, after = then[kind].get(key), now[kind].get(key)
            if before != after:
                lines.append(f"{key} was {before!r}, is {after!r}")
    return lines


def retrain(folder: Path, corpus: Corpus, certainty: Mapping[str, float], scratch: Path) -> str | None:
    """Train the configuration of the model in ``folder`` on ``corpus``; the first difference to it, or None.

    Compared in this order: corpus, weight files by SHA-256, everything else in ``model.json``, metrics.
    """
    before, evaluation = read_description(folder), Evaluation.load(folder)
    if before.corpus != corpus.fingerprint():
        return f"the corpus: fingerprint was {before.corpus}, is {corpus.fingerprint()}"
    _, again = train(before.name, before.config, corpus, scratch, certainty, evaluation.record)
    after = read_description(scratch / before.name)
    for name in sorted({*before.files, *after.files}):
        if before.files.get(name) != after.files.get(name):
            return f"weight file {name}: SHA-256 was {before.files.get(name)}, is {after.files.get(name)}"
    for field in type(before).model_fields:
        if getattr(before, field) != getattr(after, field):
            return f"{field} in model.json was {getattr(before, field)!r}, is {getattr(after, field)!r}"
    for name, value in again.metrics.items():
        if name not in _TIMES and evaluation.metrics.get(name) != value:
            return f"metric {name} was {evaluation.metrics.get(name)!r}, is {value!r}"
    return None
