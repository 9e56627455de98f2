"""What a model must show to become champion, read from ``configs/gate.yaml``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from pipeline.compare import Difference, compare
from pipeline.config import Settings, load_config
from pipeline.errors import ConfigError
from pipeline.evaluate import Metrics, labels_of
from pipeline.task import Decisions, Task

Predictions = list[dict[str, Any]]


class Gate(Settings):
    """Floors and ceilings by metric name; ``certainty`` is the accuracy a head that certain rows should reach."""

    task: str = ""
    certainty: dict[str, float] = {}
    floors: dict[str, float] = {}
    ceilings: dict[str, float] = {}
    significance: float = Field(default=0.05, gt=0, lt=1, description="p below which a loss to the champion counts")


@dataclass(frozen=True)
class Check:
    """One line of the gate's table: ``found`` and ``wanted`` are for people, ``passed`` decides."""

    name: str
    found: str
    wanted: str
    passed: bool


def read_gate(path: Path, task: Task) -> Gate:
    """The gate in ``path`` if written for ``task``, else an open one: floors of one task mean nothing elsewhere."""
    gate: Gate = load_config(path, Gate)
    if gate.task != task.name:
        return Gate()
    for head in gate.certainty:
        if head not in task.heads:
            raise ConfigError(f"{path}: certainty names head '{head}', which is not one of {', '.join(task.heads)}")
    return gate


def check(gate: Gate, metrics: Metrics) -> list[Check]:
    """Each floor and ceiling against ``metrics``; a metric that is not there fails.

    Where a model was trained with several seeds, ``sweep/<metric>/mean`` stands for the metric: a lucky run counts no
    more than its kind.
    """
    checks = []
    for limits, word, sign in ((gate.floors, "at least", 1), (gate.ceilings, "at most", -1)):
        for name, limit in limits.items():
            value = metrics.get(f"sweep/{name}/mean", metrics.get(name, float("nan")))
            checks.append(Check(name, f"{value:.3f}", f"{word} {limit:g}", bool(sign * value >= sign * limit)))
    return checks


def check_against(gate: Gate, task: Task, candidate: Predictions, champion: Predictions) -> list[Check]:
    """Whether the candidate is significantly worse than the champion on any head (macro-F1, the same test sentences).

    A champion judged on other sentences cannot be compared, which fails: judge both on one corpus first.
    """
    if [row["text"] for row in candidate] != [row["text"] for row in champion]:
        return [Check("against the champion", "other test sentences", "the same test sentences", False)]
    found = differences(task, champion, candidate)
    return [Check(f"{d.head} macro-F1 against the champion", f"{d.difference:+.3f} (p {d.p_corrected:.3f})",
                  f"no loss with p below {gate.significance:g}", d.difference >= 0 or d.p_corrected >= gate.significance)
            for d in found if d.label == "macro"]


def differences(task: Task, a: Predictions, b: Predictions) -> list[Difference]:
    """Paired comparison of two evaluations' predictions on the same test sentences (``b`` minus ``a``)."""
    groups = [str(row["id"]).rsplit(":", 1)[0] for row in a]
    return compare(task, _labels(task, a, "gold/"), _labels(task, a, ""), _labels(task, b, ""), groups)


def _labels(task: Task, rows: Predictions, prefix: str) -> Decisions:
    return {name: labels_of(head, rows, prefix + name) for name, head in task.heads.items()}
