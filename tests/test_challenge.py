"""Behavioural cases: read with care, failed when they should be."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.calibrate import Calibration
from pipeline.challenge import failure_rates, read_cases, run_cases
from pipeline.errors import DataError
from pipeline.model import Model
from pipeline.task import Head, Scores, Sentence, Task

TASK = Task(name="t", codebook="1", heads={"side": Head(kind="one", labels=("for", "against"))})


class Reader:
    """Stands for a classifier: against if the sentence has "not", surer with every "!"."""

    def predict_proba(self, sentences: list[Sentence]) -> Scores:
        against = [0.7 if " not " in s.text else 0.3 for s in sentences]
        bumped = [min(0.95, a + 0.15 * s.text.count("!")) for a, s in zip(against, sentences, strict=True)]
        return {"side": np.array([[1 - a, a] for a in bumped])}


MODEL = Model("m", TASK, None, Reader(), Calibration(), {}, {}, "")  # type: ignore[arg-type]


@pytest.mark.parametrize(("case", "failed"), [
    ({"kind": "minimum", "text": "He will sign.", "expect": {"side": "for"}}, False),
    ({"kind": "minimum", "text": "He will not sign.", "expect": {"side": "for"}}, True),
    ({"kind": "invariance", "text": "He will sign.", "variant": "She will sign.", "heads": ["side"]}, False),
    ({"kind": "invariance", "text": "He will sign.", "variant": "He will not sign."}, True),
    ({"kind": "directional", "text": "He will sign.", "variant": "He will not sign.", "expect": {"side": "against"}}, False),
    ({"kind": "directional", "text": "He will sign.", "variant": "He will sign!", "expect": {"side": "against"}}, False),
    ({"kind": "directional", "text": "He will sign.", "variant": "He signs.", "expect": {"side": "against"}}, True),
])
def test_a_case_fails_when_its_expectation_is_not_met(tmp_path: Path, case: dict[str, Any], failed: bool) -> None:
    """Labels must be reached, kept, or moved to, as the kind of the case says."""
    path = tmp_path / "c.jsonl"
    path.write_text(json.dumps({"id": "1", "capability": "negation", **case}))
    outcomes = run_cases(MODEL, read_cases(path, TASK))
    assert [outcome.failed for outcome in outcomes] == [failed]
    assert failure_rates(outcomes)[f"challenge/{case['kind']}/negation/failure_rate"] == float(failed)


@pytest.mark.parametrize(("change", "message"), [
    ({"kind": "other"}, "c.jsonl:1: kind 'other': Input should be 'minimum', 'invariance' or 'directional'"),
    ({"expect": {"side": "maybe"}}, "c.jsonl:1: side 'maybe' is not one of for, against"),
    ({"expect": {"mood": "good"}}, "c.jsonl:1: head 'mood' is not one of side"),
    ({"variant": "x"}, "a case of kind minimum has no variant"),
    ({"note": "x"}, "c.jsonl:1: unknown key 'note'; known keys: capability, expect"),
])
def test_a_bad_case_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    """The error says which line, what is wrong and what was allowed."""
    case = {"id": "1", "capability": "c", "kind": "minimum", "text": "He will sign.", "expect": {"side": "for"}, **change}
    (tmp_path / "c.jsonl").write_text(json.dumps(case))
    with pytest.raises(DataError) as error:
        read_cases(tmp_path / "c.jsonl", TASK)
    assert message in str(error.value)


def test_no_case_is_no_rate() -> None:
    """Without cases there are no failure rates."""
    assert failure_rates([]) == {}
