"""Score on this machine: in this process, or in several when the model leaves cores idle."""

import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from pipeline.batch import Job, write_part
from pipeline.model import Model, load_model
from pipeline.score import score_chunk

_loaded: list[Model] = []  # of a worker process: its one model


def run_local(jobs: Sequence[Job], workers: int = 0) -> Iterable[Job]:
    """Score ``jobs``; yields each when its files are written. ``workers`` 0: as many as help."""
    if not jobs:
        return ()
    model = load_model(jobs[0].model)
    wanted = workers or (1 if model.config.uses_all_cores else os.cpu_count() or 1)
    return _alone(model, jobs) if min(wanted, len(jobs)) == 1 else _together(jobs, min(wanted, len(jobs)))


def _alone(model: Model, jobs: Sequence[Job]) -> Iterator[Job]:
    for job in jobs:
        write_part(job, score_chunk(model, job.chunk, job.options))
        yield job


def _together(jobs: Sequence[Job], workers: int) -> Iterator[Job]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(jobs[0],)) as pool:
        waiting = {pool.submit(_work, job): job for job in jobs}
        try:
            for future in as_completed(waiting):
                future.result()
                yield waiting[future]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _start(job: Job) -> None:
    _loaded.append(load_model(job.model))


def _work(job: Job) -> None:
    write_part(job, score_chunk(_loaded[0], job.chunk, job.options))
