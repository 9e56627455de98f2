"""Fixtures that several test files share."""

from pathlib import Path

import pytest
from hypothesis import settings

from pipeline.config import load_config
from pipeline.task import Task

# a slow machine is no failure
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

PROJECT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def task() -> Task:
    return load_config(PROJECT / "configs/task.yaml", Task)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder that holds the project's configs and the teacher's answers that they name, and nothing else."""
    (tmp_path / "configs").symlink_to(PROJECT / "configs")
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds/teacher.jsonl").symlink_to(PROJECT / "seeds/teacher.jsonl")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path
