"""What a model must show to become champion, read from ``configs/gate.yaml``."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from pipeline.config import Settings, load_config
from pipeline.errors import ConfigError
from pipeline.evaluate import Metrics
from pipeline.task import Task


class Gate(Settings):
    """Floors and ceilings by metric name; ``certainty`` is the accuracy a head that certain rows should reach."""

    task: str = ""
    certainty: dict[str, float] = {}
    floors: dict[str, float] = {}
    ceilings: dict[str, float] = {}
    significance: float = Field(default=0.05, gt=0, lt=1, description="p below which a loss to the champion counts")


@dataclass(frozen=True)
class Check:
    """One line of the gate's table."""

    name: str
    found: float
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
    """Each floor and ceiling against ``metrics``; a metric that is not there fails."""
    checks = []
    for name, floor in gate.floors.items():
        value = metrics.get(name, float("nan"))
        checks.append(Check(name, value, f"at least {floor:g}", value >= floor))
    for name, ceiling in gate.ceilings.items():
        value = metrics.get(name, float("nan"))
        checks.append(Check(name, value, f"at most {ceiling:g}", value <= ceiling))
    return checks
