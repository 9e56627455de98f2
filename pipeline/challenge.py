"""Behavioural cases after CheckList (Ribeiro et al. 2020): what a model must know, must ignore, and must react to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError, model_validator
from scipy.stats import binomtest

from pipeline.config import Settings, explain
from pipeline.errors import DataError, one_of
from pipeline.evaluate import Metrics
from pipeline.model import Model
from pipeline.parse import parse_json
from pipeline.task import Scores, Sentence, Task, encode_label

#: How far the expected label's probability must move for a directional case.
MOVE = 0.1


class Case(Settings):
    """One case. ``expect`` gives labels by head.

    ``minimum``: ``text`` must get the labels in ``expect``. ``invariance``: ``variant`` must get the labels of ``text`` on
    the heads named in ``heads``. ``directional``: from ``text`` to ``variant`` the probability of the labels in ``expect``
    must rise by MOVE, or their labels be reached.
    """

    id: str
    capability: str = Field(pattern=r"^[a-z0-9-]+$")
    kind: Literal["minimum", "invariance", "directional"]
    text: str = Field(min_length=1)
    variant: str = ""
    previous: str = ""
    title: str = ""
    expect: dict[str, str | list[str]] = {}
    heads: list[str] = []

    @model_validator(mode="after")
    def _is_complete(self) -> "Case":
        if (self.kind == "minimum") == bool(self.variant):
            raise ValueError(f"a case of kind {self.kind} {'has no' if self.kind == 'minimum' else 'needs a'} variant")
        if (self.kind == "invariance") == bool(self.expect):
            raise ValueError(f"a case of kind {self.kind} {'has no' if self.kind == 'invariance' else 'needs an'} expect")
        return self


@dataclass(frozen=True)
class Outcome:
    """A case and whether the model failed it."""

    case: Case
    failed: bool


def read_cases(path: Path, task: Task) -> list[Case]:
    """Cases of a JSONL file, checked against ``task``. Raises DataError that names file, line and what was allowed."""
    cases = []
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            case = Case.model_validate(parse_json(line))
            for head in (*case.expect, *case.heads):
                if head not in task.heads:
                    raise DataError(f"head '{head}' {one_of(task.heads)}")
            for head, value in case.expect.items():
                encode_label(task.heads[head], head, value)
        except (ValueError, DataError) as error:
            reason = explain(error, Case) if isinstance(error, ValidationError) else str(error)
            raise DataError(f"{path}:{number}: {reason}") from None
        cases.append(case)
    return cases


def run_cases(model: Model, cases: Sequence[Case]) -> list[Outcome]:
    """Every case, in order, failed or not."""
    texts, variants = (model.predict_proba([Sentence(getattr(case, field) or case.text, case.previous, case.title)
                                            for case in cases]) for field in ("text", "variant"))
    rows = [tuple({name: values[i] for name, values in scores.items()} for scores in (texts, variants))
            for i in range(len(cases))]
    return [Outcome(case, _failed(model, case, *row)) for case, row in zip(cases, rows, strict=True)]


def failure_rates(outcomes: Sequence[Outcome]) -> Metrics:
    """``challenge/<kind>/<capability>/failure_rate`` with its 95% Wilson interval, and how many cases there are."""
    metrics: Metrics = {}
    for kind, capability in dict.fromkeys((o.case.kind, o.case.capability) for o in outcomes):
        failed = [o.failed for o in outcomes if (o.case.kind, o.case.capability) == (kind, capability)]
        low, high = binomtest(sum(failed), len(failed)).proportion_ci(method="wilson")
        key = f"challenge/{kind}/{capability}"
        metrics |= {f"{key}/failure_rate": float(np.mean(failed)), f"{key}/failure_rate_low": float(low),
                    f"{key}/failure_rate_high": float(high), f"{key}/count": float(len(failed))}
    return metrics


def _failed(model: Model, case: Case, text: dict[str, Any], variant: dict[str, Any]) -> bool:
    task = model.task
    before, after = (model.decide(_one_row(task, scores)) for scores in (text, variant))
    if case.kind == "invariance":
        return any((before[head] != after[head]).any() for head in case.heads or task.heads)
    for head, value in case.expect.items():
        wanted = np.array(encode_label(task.heads[head], head, value)) > 0
        reached = bool((after[head][0] == wanted).all())
        if case.kind == "minimum" and not reached:
            return True
        if case.kind == "directional" and not reached and not _moved(wanted, text[head], variant[head]):
            return True
    return False


def _moved(wanted: Any, before: Any, after: Any) -> bool:
    return bool(((after - before)[wanted] >= MOVE).all()) if wanted.any() else bool((after - before).max() <= -MOVE)


def _one_row(task: Task, scores: dict[str, Any]) -> Scores:
    return {name: np.asarray(scores[name])[None, :] for name in task.heads}
