"""A tracking server for a team: several trainings at once, and a server that dies."""

import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from databases import postgresql
from mlflow import MlflowClient
from projects import ended, make_project, stance, train
from servers import Server, free_port, serving

PROJECT = Path(__file__).parent.parent.parent
NAME = "us-immigration-news"


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgresql() as url:
        yield url


def make_server(database: str, folder: Path, port: int) -> AbstractContextManager[Server]:
    """``make server`` on ``database``, its artifacts and its log in ``folder``."""
    command = ["make", "-C", PROJECT, "server", f"DATABASE={database}", f"PORT={port}", f"ARTIFACTS={folder}/artifacts",
               f"VENV={sys.prefix}", f"--assume-old={sys.prefix}/.installed-e2e"]  # what runs this test is installed
    return serving(command, port, folder)


def versions(server: Server) -> dict[str, str]:
    """Registered versions and the runs they came from."""
    store = MlflowClient(server.url)
    return {version.version: version.run_id for version in store.search_model_versions(f"name = '{NAME}'")}


def finished(server: Server) -> list[str]:
    """Ids of the runs that were logged to the end."""
    store = MlflowClient(server.url)
    experiment = store.get_experiment_by_name("stance").experiment_id
    return [run.info.run_id for run in store.search_runs([experiment], "attributes.status = 'FINISHED'")]


def test_four_trainings_at_once_and_one_that_loses_its_server(database: str, tmp_path: Path) -> None:
    """Trainings that start together on an empty server are all kept; one whose server dies is uploaded later."""
    port = free_port()
    folder = make_project(tmp_path)
    with make_server(database, tmp_path, port) as server:
        env = {"MLFLOW_TRACKING_URI": server.url}
        together = [stance(folder, *train("tfidf"), "--out", f"out{i}", env=env) for i in range(4)]
        for code, output in map(ended, together):
            assert code == 0, output
        assert len(finished(server)) == 4
        assert sorted(versions(server)) == ["1", "2", "3", "4"]
        assert sorted(versions(server).values()) == sorted(finished(server))
        assert MlflowClient(server.url).get_model_version_by_alias(NAME, "champion").version in versions(server)

        orphan = stance(folder, *train("tfidf"), "--out", "later", env=env)
        assert orphan.stdout is not None
        while "training tfidf" not in (line := orphan.stdout.readline()):
            assert line, "the command ended before it trained"
        server.end(signal.SIGKILL)
        code, output = ended(orphan)
        assert code == 1, output
        assert "later/tfidf is saved but not logged: http://127.0.0.1" in output
        assert "stance upload later/tfidf" in output
        assert (tmp_path / "later/tfidf/model.json").exists()
        assert "Traceback" not in output

    with make_server(database, tmp_path, port) as server:
        assert len(finished(server)) == 4, "what was logged outlives the server"
        code, output = ended(stance(folder, "upload", "later/tfidf", env=env))
        assert code == 0, output
        assert "version 5" in output
        assert len(finished(server)) == 5
        assert versions(server)["5"] in finished(server)
        code, output = ended(stance(tmp_path, "evaluate", "--model", f"models:/{NAME}/5", "--data", "d.jsonl",
                                    "--split", "test", env=env))
        assert code == 0, output
