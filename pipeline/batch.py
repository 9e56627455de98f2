"""A batch in an output folder: plan, manifest, resume, finish. What runs the chunks is an engine."""

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pipeline.articles import Reject
from pipeline.drift import Drift, total, warnings
from pipeline.errors import OutputError
from pipeline.inputs import Chunk, find_inputs, fingerprint, plan
from pipeline.merge import merge_articles, merge_rejects
from pipeline.model import file_digest, read_description
from pipeline.score import WORK, Options, Part, rejects_text, write_table, write_text


@dataclass(frozen=True)
class Job:
    """One chunk to score, and where its part goes: all that a worker on another machine needs."""

    number: int
    chunk: Chunk
    out: Path
    model: Path
    options: Options

    def finished(self) -> bool:
        return self.rejects_path.exists() and self.part_path.exists()

    @property
    def part_path(self) -> Path:
        return self.out / f"part-{self.number:05}.{self.options.format}"

    @property
    def articles_path(self) -> Path:
        return self.out / WORK / f"articles-{self.number:05}.parquet"

    @property
    def drift_path(self) -> Path:
        return self.out / WORK / f"drift-{self.number:05}.json"

    @property
    def rejects_path(self) -> Path:
        return self.out / WORK / f"rejects-{self.number:05}.jsonl"


class Engine(Protocol):
    """Scores jobs somewhere, in any order, and yields each when its files are written."""

    def __call__(self, jobs: Sequence[Job]) -> Iterable[Job]: ...


@dataclass(frozen=True)
class Summary:
    """What a finished batch holds."""

    articles: int
    sentences: int
    rejects: int
    out: Path
    warnings: tuple[str, ...] = ()


def score_batch(inputs: Sequence[str], out: Path, model: Path, options: Options, engine: Engine,
                progress: Callable[[int, int], None] = lambda done, total: None) -> Summary:
    """Score everything behind ``inputs`` into ``out``; a rerun of the same batch goes on where the last one stopped.

    Raises InputError when an input leads nowhere and OutputError when ``out`` belongs to another batch.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / WORK).mkdir(exist_ok=True)
        spooled = [_spooled_stdin(out)] if "-" in inputs else []
        names = dict.fromkeys(spooled, "stdin")
        sources = find_inputs([*spooled, *(source for source in inputs if source != "-")])
        manifest = _manifest(sources, names, model, options)
        if _is_finished(out, manifest):
            shutil.rmtree(out / WORK, ignore_errors=True)
            return _read_summary(out)
        write_text(json.dumps(manifest, indent=1, ensure_ascii=False), out / "manifest.json")
        chunks, unreadable = plan(sources, out / WORK / "unpacked", names)
        jobs = [Job(i, chunk, out, model, options) for i, chunk in enumerate(chunks)]
        waiting = [job for job in jobs if not job.finished()]
        progress(len(jobs) - len(waiting), len(jobs))
        for done, _ in enumerate(engine(waiting), 1 + len(jobs) - len(waiting)):
            progress(done, len(jobs))
        return _finish(out, jobs, unreadable, manifest)
    except OSError as error:
        raise OutputError(f"{error.filename or out}: {error.strerror or error}; what was written so far is intact, and "
                          "the same command goes on from there") from None


def write_part(job: Job, part: Part) -> None:
    """Write what came of a job. The rejects come last: their file says that the others are whole."""
    write_table(part.rows, job.part_path, job.options)
    write_table(part.articles, job.articles_path, Options())
    write_text(part.drift.model_dump_json(), job.drift_path)
    write_text(rejects_text(part.rejects), job.rejects_path)


def _manifest(sources: Sequence[str], names: dict[str, str], model: Path, options: Options) -> dict[str, Any]:
    description = read_description(model)
    return {"format": 2, "state": "running", "model": description.name,
            "model_digest": file_digest(model / "model.json"), "codebook": description.codebook,
            "options": options.model_dump(), "task": description.task.model_dump(mode="json"),
            "confusion": description.about.get("confusion", {}),
            "inputs": {names.get(source, source): fingerprint(source) for source in sources}}


def _is_finished(out: Path, manifest: dict[str, Any]) -> bool:
    """Whether ``out`` holds this very batch, finished. Raises OutputError when it holds another."""
    path = out / "manifest.json"
    if not path.exists():
        strangers = sorted(p.name for p in out.iterdir() if p.name != WORK)
        if strangers:
            raise OutputError(f"{out}: holds {strangers[0]!r} but no manifest.json; name an empty folder")
        return False
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(before, dict):
            raise ValueError
    except (ValueError, RecursionError):
        raise OutputError(f"{path}: damaged; name an empty folder") from None
    for key in ("format", "model", "model_digest", "codebook", "options", "inputs"):
        if before.get(key) != manifest[key]:
            difference = _difference(before.get(key), manifest[key])
            raise OutputError(f"{out}: holds a batch with another {key}: {difference}; name another folder")
    return bool(before.get("state") == "done")


def _difference(before: Any, now: Any) -> str:
    if isinstance(before, dict) and isinstance(now, dict):
        key = next(k for k in sorted({*before, *now}) if (k in before) != (k in now) or before.get(k) != now.get(k))
        return f"{key} was {before.get(key)!r}, is {now.get(key)!r}"
    return f"it was {before!r}, is {now!r}"


def _finish(out: Path, jobs: Sequence[Job], unreadable: list[Reject], manifest: dict[str, Any]) -> Summary:
    """Merge what the jobs left, mark the batch done, and clear the work folder. Doing it twice changes nothing."""
    articles, sentences = merge_articles([job.articles_path for job in jobs], out)
    rejects = merge_rejects([job.rejects_path for job in jobs], unreadable, out)
    counts = {"articles": articles, "sentences": sentences, "rejects": rejects}
    drift = total(Drift.model_validate_json(job.drift_path.read_text(encoding="utf-8")) for job in jobs)
    done = {**manifest, "state": "done", **counts, "drift": drift.figures(), "warnings": _warnings(jobs, drift)}
    write_text(json.dumps(done, indent=1, ensure_ascii=False), out / "manifest.json")
    shutil.rmtree(out / WORK)
    return Summary(**counts, out=out, warnings=tuple(done["warnings"]))


def _warnings(jobs: Sequence[Job], drift: Drift) -> list[str]:
    if not jobs:
        return []
    description = read_description(jobs[0].model)
    reference = description.about.get("reference")
    return warnings(description.task, Drift.model_validate(reference), drift) if reference else []


def _read_summary(out: Path) -> Summary:
    done = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    try:
        return Summary(done["articles"], done["sentences"], done["rejects"], out, tuple(done["warnings"]))
    except (KeyError, TypeError):
        raise OutputError(f"{out / 'manifest.json'}: damaged; name an empty folder") from None


def _spooled_stdin(out: Path) -> str:
    """Standard input as a file: JSONL when it begins with a brace, else one article of plain text."""
    start = sys.stdin.buffer.read(1 << 16)
    ending = "jsonl" if start.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{") else "txt"
    path = out / WORK / f"stdin.{ending}"
    with path.open("wb") as spool:
        spool.write(start)
        shutil.copyfileobj(sys.stdin.buffer, spool)
    return str(path)
