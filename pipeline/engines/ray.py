"""Score on a Ray cluster through Ray Data: the same jobs, the same parts, on storage that all nodes share."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.batch import Job, write_part
from pipeline.errors import MissingExtraError
from pipeline.inputs import Chunk
from pipeline.model import load_model
from pipeline.score import Options, score_chunk


def run_ray(jobs: Sequence[Job]) -> Iterator[Job]:
    """Score ``jobs`` on the cluster at ``RAY_ADDRESS``, else on one started here; yields each when its files are written.

    A job whose worker or node dies is done again elsewhere: parts are written whole or not at all, so that changes nothing.
    """
    try:
        import ray
        import ray.data
    except ImportError:
        raise MissingExtraError("ray", "--engine ray") from None
    if not jobs:
        return
    started = not ray.is_initialized()
    if started:
        ray.init(address=os.environ.get("RAY_ADDRESS"), include_dashboard=False, log_to_driver=False,
                 logging_level="ERROR", configure_logging=True)
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        cores = int(ray.cluster_resources().get("CPU", 1))
        rows = ray.data.from_items([_packed(job) for job in jobs], override_num_blocks=len(jobs))
        scored = rows.map_batches(_Scorer, batch_size=1, num_cpus=1, concurrency=(1, max(1, min(cores, len(jobs)))))
        by_number = {job.number: job for job in jobs}
        for row in scored.iter_rows():
            yield by_number[int(row["number"])]
    finally:
        if started:
            ray.shutdown()


class _Scorer:
    """A worker: loads the model of its first job and keeps it."""

    def __init__(self) -> None:
        self._model: Any = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        for packed in batch["job"]:
            job = _unpacked(packed)
            self._model = self._model or load_model(job.model)
            write_part(job, score_chunk(self._model, job.chunk, job.options))
        return {"number": batch["number"]}


def _packed(job: Job) -> dict[str, Any]:
    """A job as plain text: what a worker needs must not depend on how Python objects travel."""
    return {"number": job.number, "job": json.dumps({
        "number": job.number, "chunk": job.chunk.model_dump(), "out": str(job.out.resolve()),
        "model": str(job.model.resolve()), "options": job.options.model_dump()})}


def _unpacked(packed: str) -> Job:
    raw = json.loads(packed)
    return Job(raw["number"], Chunk.model_validate(raw["chunk"]), Path(raw["out"]), Path(raw["model"]),
               Options.model_validate(raw["options"]))
