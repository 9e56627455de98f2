"""Articles to scored rows: one chunk in, one part out. Engines decide where chunks are scored, this room how."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pipeline.articles import Article, Reject
from pipeline.config import Settings
from pipeline.drift import Drift, measure, total
from pipeline.holders import holder_columns
from pipeline.inputs import Chunk, read_chunk
from pipeline.model import Model
from pipeline.sentences import sentences_of
from pipeline.task import Scores, Sentence, Task, concatenate, names

if TYPE_CHECKING:
    import pyarrow as pa

Format = Literal["parquet", "jsonl", "csv"]
#: Sentences that are scored at once: bounds memory, and leaves room to group sentences of like length.
_BATCH = 4096
_SAMPLE = 10
#: Folder inside the output for what is not finished yet.
WORK = ".work"


class Options(Settings):
    """How rows are read and written; part of the manifest, so that a rerun must ask for the same."""

    format: Format = "parquet"
    columns: dict[str, str] = {}
    defuse: bool = False


@dataclass(frozen=True)
class Part:
    """What came of one chunk."""

    rows: "pa.Table"
    articles: "pa.Table"
    rejects: list[Reject]
    drift: Drift


def score_chunk(model: Model, chunk: Chunk, options: Options) -> Part:
    """Read, split and score the articles of ``chunk``."""
    import pyarrow as pa

    rejects: list[Reject] = []
    rows: list[pa.Table] = []
    articles: list[pa.Table] = []
    drifts: list[Drift] = []
    for batch in _batches(read_chunk(chunk, options.columns), rejects):
        sentences = [sentence for _, found in batch for sentence in found]
        scores, sources = predict_distinct(model, sentences)
        rows.append(row_table(model, sentences, scores, sources))
        articles.append(article_table(model, batch, scores))
        drifts.append(_sample_drift(model, sentences, scores))
    rows.append(row_table(model, [], *predict_distinct(model, [])))
    articles.append(article_table(model, [], _no_scores(model.task)))
    return Part(pa.concat_tables(rows), pa.concat_tables(articles), rejects, total(drifts))


def predict_distinct(model: Model, sentences: list[Sentence]) -> tuple[Scores, list[str]]:
    """Probabilities of ``sentences`` and, for a cascade, who answered each.

    What is the same to the model is computed once: news repeats itself (wire copy, boilerplate).
    """
    seen: dict[tuple[str, str], int] = {}
    at = [seen.setdefault((s.text, s.context), len(seen)) for s in sentences]
    first = {place: i for i, place in reversed(list(enumerate(at)))}
    scores, sources = model.answer([sentences[first[place]] for place in range(len(seen))])
    return {name: values[at] for name, values in scores.items()}, [sources[place] for place in at] if sources else []


def _sample_drift(model: Model, sentences: list[Sentence], scores: Scores) -> Drift:
    """Drift of every tenth sentence: enough to tell, too few to cost."""
    picked = {name: values[::_SAMPLE] for name, values in scores.items()}
    return measure(model.task, sentences[::_SAMPLE], picked, model.decide(picked), model.words)


def row_table(model: Model, sentences: list[Sentence], scores: Scores, sources: list[str]) -> "pa.Table":
    """The scored rows: offsets, text, labels, whether uncertain, probabilities, model, codebook, holder, who answered."""
    import pyarrow as pa

    task = model.task
    decided = model.decide(scores)
    labels = names(task, decided)
    columns: dict[str, Any] = {
        "article": pa.array([s.article for s in sentences], pa.string()),
        "sentence_index": pa.array([s.position for s in sentences], pa.int32()),
        "start": pa.array([s.start for s in sentences], pa.int32()),
        "end": pa.array([s.end for s in sentences], pa.int32()),
        "text": pa.array([s.text for s in sentences], pa.string()),
    }
    for name, head in task.heads.items():
        kind = pa.string() if head.kind == "one" else pa.list_(pa.string())
        columns[name] = pa.array(labels[name], kind)
        if head.kind == "one":
            columns[f"{name}_score"] = pa.array((scores[name] * decided[name]).sum(axis=1), pa.float32())
    columns["uncertain"] = pa.array(model.uncertain(scores), pa.bool_())
    for name, label, i in task.columns():
        columns[f"{name}/{label}"] = pa.array(scores[name][:, i], pa.float32())
    columns["model"] = _constant(model.id, len(sentences))
    columns["codebook"] = _constant(task.codebook, len(sentences))
    for name, values in holder_columns([s.text for s in sentences]).items():
        columns[name] = pa.array(values, pa.string() if name == "holder" else pa.int32())
    if hasattr(model.classifier, "answer"):
        columns["answered_by"] = pa.array(sources, pa.string())
    return pa.table(columns)


def article_table(model: Model, batch: list[tuple[Article, list[Sentence]]], scores: Scores) -> "pa.Table":
    """A row an article: what it is, how many sentences, and the shares of every label, crossed between heads.

    ``stance/support`` is the share of the article's sentences with that label; ``stance/support|policy/wall`` the share
    among its sentences of that policy type (null where it has none).
    """
    import pyarrow as pa

    decided = model.decide(scores)
    sizes = [len(found) for _, found in batch]
    ends = np.cumsum([0, *sizes])
    spans = [slice(ends[i], ends[i + 1]) for i in range(len(sizes))]
    about = [article for article, _ in batch]
    columns: dict[str, Any] = {key: pa.array([getattr(a, field) for a in about], pa.string()) for key, field in
                               (("article", "id"), ("title", "title"), ("date", "date"), ("outlet", "outlet"))}
    columns["sentences"] = pa.array(sizes, pa.int32())
    columns["text_sha256"] = pa.array([_text_digest(a.text) for a in about], pa.string())
    unsure = model.uncertain(scores)
    columns["uncertain"] = pa.array([_share(unsure[span]) for span in spans], pa.float32())
    for name, label, i in model.task.columns():
        hit = decided[name][:, i]
        columns[f"{name}/{label}"] = pa.array([_share(hit[span]) for span in spans], pa.float32())
    for one, many in ((a, b) for a, h in model.task.heads.items() if h.kind == "one"
                      for b, g in model.task.heads.items() if g.kind == "many"):
        for i, label in enumerate(model.task.heads[one].labels):
            for j, kind in enumerate(model.task.heads[many].labels):
                hit, within = decided[one][:, i], decided[many][:, j]
                columns[f"{one}/{label}|{many}/{kind}"] = pa.array(
                    [_share(hit[span][within[span]]) for span in spans], pa.float32())
    return pa.table(columns)


def write_table(table: "pa.Table", path: Path, options: Options) -> None:
    """Write ``table`` to ``path`` whole or not at all, in the format of ``options``."""
    temporary = _temporary(path)
    try:
        _write(table, temporary, options)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(text: str, path: Path) -> None:
    """Write ``text`` to ``path`` whole or not at all."""
    temporary = _temporary(path)
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def rejects_text(rejects: list[Reject]) -> str:
    """Rejects as JSONL."""
    return "".join(json.dumps(reject._asdict(), ensure_ascii=False) + "\n" for reject in rejects)


def _temporary(path: Path) -> Path:
    """Where a file is written before it is renamed: in the work folder if there is one, which is cleared at the end."""
    work = path.parent / WORK
    return (work if work.is_dir() else path.parent) / f"{path.name}.{os.getpid()}"


def _write(table: "pa.Table", path: Path, options: Options) -> None:
    if options.format == "parquet":
        from pyarrow import parquet

        parquet.write_table(table, path, compression="zstd")
    elif options.format == "jsonl":
        with path.open("w", encoding="utf-8") as out:
            for batch in table.to_batches(1000):
                out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in batch.to_pylist())
    else:
        _write_csv(table, path, options.defuse)


def _write_csv(table: "pa.Table", path: Path, defuse: bool) -> None:
    """Lists joined by ``;``. With ``defuse``, cells that a spreadsheet would run as a formula get a leading quote."""
    import csv

    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(table.column_names)
        for batch in table.to_batches(1000):
            for row in batch.to_pylist():
                writer.writerow([_cell(value, defuse) for value in row.values()])


def _cell(value: Any, defuse: bool) -> Any:
    cell = ";".join(value) if isinstance(value, list) else value
    risky = defuse and isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{cell}" if risky else cell


def _batches(read: Iterator[Article | Reject],
             rejects: list[Reject]) -> Iterator[list[tuple[Article, list[Sentence]]]]:
    """Articles with their sentences, at least _BATCH sentences at a time; rejects are put aside."""
    batch: list[tuple[Article, list[Sentence]]] = []
    size = 0
    for item in read:
        if isinstance(item, Reject):
            rejects.append(item)
            continue
        found = sentences_of(item)
        batch.append((item, found))
        size += len(found)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _no_scores(task: Task) -> Scores:
    return concatenate([{name: np.zeros((0, len(head.labels))) for name, head in task.heads.items()}])


def _share(hits: Any) -> float | None:
    return float(hits.mean()) if len(hits) else None


def _text_digest(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _constant(value: str, count: int) -> Any:
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int8)), pa.array([value]))

