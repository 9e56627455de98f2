"""On a cluster: two nodes, one of them killed in mid-job, and the rows are those of the local engine."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.batch import score_batch
from pipeline.engines.local import run_local
from pipeline.engines.ray import run_ray
from pipeline.score import Options

# Ray's own code trips over Ray's own deprecations
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.filterwarnings("ignore::FutureWarning"),
              pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture(scope="module")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Parquet file of 24 row groups, and one broken line of JSONL beside it."""
    folder = tmp_path_factory.mktemp("in")
    rows = [{"id": f"a{i}", "text": " ".join(f"Judge {at} of {i} met {at * i % 977} agents." for at in range(40))}
            for i in range(4800)]
    pq.write_table(pa.Table.from_pylist(rows), folder / "many.parquet", row_group_size=200)
    (folder / "z.jsonl").write_text('{broken\n{"id": "z", "text": "The end."}\n')
    return folder


@pytest.fixture
def cluster() -> Iterator[object]:
    """Two nodes, each a raylet of its own; the first is the head and runs no work."""
    import ray
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes.add_node(num_cpus=1)
    nodes.wait_for_nodes()
    ray.init(address=nodes.address, log_to_driver=False, logging_level="ERROR")
    yield nodes
    ray.shutdown()
    nodes.shutdown()


def contents(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def test_a_killed_node_changes_no_row(cluster: object, articles: Path, model: Path, tmp_path: Path) -> None:
    """One of two raylets dies in mid-job; Ray Data does its work again and every file equals the local engine's."""
    killed = threading.Event()

    def kill() -> None:
        while len(list((tmp_path / "ray").glob("part-*"))) < 3:
            time.sleep(0.05)
        victim = next(iter(cluster.worker_nodes))  # type: ignore[attr-defined]
        cluster.remove_node(victim, allow_graceful=False)  # type: ignore[attr-defined]
        killed.set()

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    done = score_batch([str(articles)], tmp_path / "ray", model, Options(), run_ray)
    assert killed.is_set(), "the job was over before the node was killed"
    assert score_batch([str(articles)], tmp_path / "local", model, Options(), run_local).sentences == done.sentences
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")
    assert done.rejects == 1


def test_a_stopped_job_goes_on_with_another_engine(cluster: object, articles: Path, model: Path, tmp_path: Path) -> None:
    """What Ray began, the local engine finishes: parts and manifest are the same."""
    class StopError(Exception):
        pass

    def some(jobs: object) -> object:
        for i, job in enumerate(run_ray(jobs)):  # type: ignore[arg-type]
            if i == 5:
                raise StopError
            yield job

    with pytest.raises(StopError):
        score_batch([str(articles)], tmp_path / "out", model, Options(), some)  # type: ignore[arg-type]
    assert json.loads((tmp_path / "out/manifest.json").read_text())["state"] == "running"
    score_batch([str(articles)], tmp_path / "out", model, Options(), run_local)
    score_batch([str(articles)], tmp_path / "whole", model, Options(), run_local)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
