"""The gate: floors, ceilings, and no loss against the champion."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.training import _promote_best
from pipeline.errors import ConfigError
from pipeline.gate import Gate, check, check_against, read_gate
from pipeline.task import Head, Task

TASK = Task(name="t", codebook="1", heads={"side": Head(kind="one", labels=("a", "b"))})


def rows(wrong: int) -> list[dict[str, Any]]:
    """Two hundred predictions, the first ``wrong`` of them wrong."""
    found = []
    for i in range(200):
        gold = "ab"[i % 2]
        found.append({"id": f"x{i // 4}:{i}", "text": f"Sentence {i}.", "gold/side": gold,
                      "side": gold if i >= wrong else "ba"[i % 2]})
    return found


def test_floors_and_ceilings_decide() -> None:
    """A metric at its floor passes; one above its ceiling, or missing, fails."""
    gate = Gate(floors={"f1": 0.5, "none": 0.1}, ceilings={"ece": 0.05})
    assert [c.passed for c in check(gate, {"f1": 0.5, "ece": 0.06})] == [True, False, False]


def test_the_mean_of_several_seeds_counts_before_a_lucky_one() -> None:
    """With a sweep's mean below the floor, a lucky run does not pass."""
    assert not check(Gate(floors={"f1": 0.5}), {"f1": 0.6, "sweep/f1/mean": 0.45})[0].passed


def test_a_clear_loss_to_the_champion_fails_and_a_small_one_passes() -> None:
    """Sixty errors against ten is a significant loss; twelve against ten is not; fewer errors are a gain."""
    gate = Gate()
    assert not check_against(gate, TASK, rows(60), rows(10))[0].passed
    assert check_against(gate, TASK, rows(12), rows(10))[0].passed
    assert check_against(gate, TASK, rows(10), rows(60))[0].passed


def test_a_champion_judged_on_other_sentences_is_no_measure() -> None:
    """Predictions on different texts are not compared, and that fails."""
    assert not check_against(Gate(), TASK, rows(0), rows(0)[1:])[0].passed


def test_a_gate_of_another_task_is_open(tmp_path: Any) -> None:
    """Floors written for one task say nothing about another."""
    path = tmp_path / "gate.yaml"
    path.write_text("task: other\nfloors: {f1: 0.9}\n")
    assert read_gate(path, TASK) == Gate()


def test_an_unknown_head_in_certainty_is_named(tmp_path: Any) -> None:
    """A head that the task does not have is an error that lists those it has."""
    path = tmp_path / "gate.yaml"
    path.write_text("task: t\ncertainty: {sied: 0.9}\n")
    with pytest.raises(ConfigError, match="certainty names head 'sied', which is not one of side"):
        read_gate(path, TASK)


def test_the_best_that_the_gate_allows_is_promoted(monkeypatch: pytest.MonkeyPatch,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    """A better model that fails the gate is named with the reason, and the next one becomes champion."""
    promoted: list[Any] = []
    monkeypatch.setattr("pipeline.promotion.has_champion", lambda name: False)
    monkeypatch.setattr("pipeline.promotion.set_champion", lambda *call: promoted.append(call))
    results = [("plain", {"test/f1": 0.6, "valid/f1": 0.6, "ece": 0.01}, "1"),
               ("best", {"test/f1": 0.7, "valid/f1": 0.7, "ece": 0.20}, "2")]
    assert _promote_best(results, Gate(ceilings={"ece": 0.05}), "t", Path("models"))
    assert [call[1:3] for call in promoted] == [("1", Path("models/plain"))]
    assert "no promotion: best has ece 0.200, wanted at most 0.05" in capsys.readouterr().out
