"""A scored batch as one self-contained page: who supports and opposes what, and every article to read."""

import base64
import csv
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field

from pipeline.errors import OutputError
from pipeline.report.holders import voices
from pipeline.report.prevalence import Prevalence, prevalences
from pipeline.task import FloatArray, Head, Task

#: Articles that are packed together: what the page unpacks when one of them is opened.
BLOCK = 100
#: Outlets and months shown in the overview.
_GROUPS = 30


@dataclass(frozen=True)
class Batch:
    """A scored folder read back: manifest, its task, articles in order, and each article's sentences."""

    manifest: dict[str, Any]
    task: Task
    articles: list[dict[str, Any]]
    sentences: dict[str, list[dict[str, Any]]]


class _Manifest(BaseModel):
    """What the page needs of a manifest."""

    model: str
    model_digest: str
    codebook: str
    articles: int
    sentences: int
    rejects: int
    confusion: dict[str, list[list[Annotated[float, Field(ge=0, allow_inf_nan=False)]]]] = {}


def read_batch(folder: Path) -> Batch:
    """Raises OutputError when ``folder`` is not a finished batch."""
    import pyarrow.parquet as pq

    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        task = Task.model_validate(manifest["task"])
        _Manifest.model_validate(manifest)
        for name, rows in manifest.get("confusion", {}).items():
            if {len(rows), *map(len, rows)} != {len(task.heads[name].labels)}:
                raise ValueError(f"confusion of {name} is not square")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise OutputError(f"{folder / 'manifest.json'}: missing or damaged ({error}); name a folder that 'stance score' "
                          "wrote") from None
    if manifest.get("state") != "done":
        raise OutputError(f"{folder}: not finished; run the same 'stance score' again first")
    sentences: dict[str, list[dict[str, Any]]] = {}
    for part in sorted(folder.glob("part-*")):
        for row in _read_part(part, task):
            sentences.setdefault(row["article"], []).append(row)
    articles = folder / "articles.parquet"
    return Batch(manifest, task, pq.read_table(articles).to_pylist() if articles.exists() else [], sentences)


def report_page(batch: Batch) -> str:
    """The page as HTML. It fetches nothing, shows text as text, and keeps only one page of articles in the document."""
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape())
    first = next(iter(batch.task.heads))
    return environment.get_template("page.html").render(
        manifest=batch.manifest, task=batch.task, overview=_overview(batch), first=first,
        voices=voices(batch.task, [row for found in batch.sentences.values() for row in found]),
        data={"index": _packed(_index(batch)), "blocks": [_packed(block) for block in _blocks(batch)],
              "heads": {name: {"kind": head.kind, "labels": list(head.labels)} for name, head in batch.task.heads.items()},
              "first": first})


def summary(batch: Batch) -> dict[str, float]:
    """Shares of every label and the share that is uncertain, flat: what a run in MLflow shows of a batch."""
    rows = [row for found in batch.sentences.values() for row in found]
    out = {"articles": float(len(batch.articles)), "sentences": float(len(rows)),
           "rejects": float(batch.manifest["rejects"])}
    for name, label, _ in batch.task.columns():
        out[f"share/{name}/{label}"] = float(np.mean([_has(row, name, label) for row in rows])) if rows else 0.0
    out["share/uncertain"] = float(np.mean([row["uncertain"] for row in rows])) if rows else 0.0
    return out


def _overview(batch: Batch) -> list[dict[str, Any]]:
    """Sections of the overview: a title, and lines of (name, sentences, prevalences of the first head)."""
    name, head = next(iter(batch.task.heads.items()))
    confusion = batch.manifest.get("confusion", {})
    matrix = np.array(confusion[name], dtype=float) if name in confusion else None
    every = [(article, row) for article in batch.articles for row in batch.sentences.get(article["article"], [])]
    sections = [{"title": "All sentences", "lines": [_line("all", head, name, every, matrix)]}]
    for other, kinds in ((n, h) for n, h in batch.task.heads.items() if h.kind == "many" and n != name):
        lines = [_line(label, head, name, [(a, r) for a, r in every if _has(r, other, label)], matrix)
                 for label in kinds.labels]
        sections.append({"title": f"By {other}", "lines": lines})
    for title, column, width in (("By outlet", "outlet", None), ("By month", "date", 7)):
        groups: dict[str, list[Any]] = {}
        for article, row in every:
            if article[column]:
                groups.setdefault(article[column][:width], []).append((article, row))
        kept = sorted(groups, key=lambda g: -len(groups[g]))[:_GROUPS] if title == "By outlet" else sorted(groups)[-_GROUPS:]
        if kept:
            sections.append({"title": title, "lines": [_line(g, head, name, groups[g], matrix) for g in kept]})
    return sections


def _line(title: str, head: Head, name: str, rows: list[Any], matrix: FloatArray | None) -> dict[str, Any]:
    places: dict[str, int] = {}
    at = [places.setdefault(article["article"], len(places)) for article, _ in rows]
    counts, totals = np.zeros((len(places), len(head.labels))), np.zeros(len(places))
    for place, (_, row) in zip(at, rows, strict=True):
        totals[place] += 1
        counts[place] += [_has(row, name, label) for label in head.labels]
    shares: list[Prevalence] = prevalences(head, counts, totals, matrix)
    return {"name": title, "sentences": len(rows), "articles": len(places), "shares": shares}


def _has(row: Mapping[str, Any], head: str, label: str) -> bool:
    value = row[head]
    return label in value if isinstance(value, list) else value == label


def _index(batch: Batch) -> list[dict[str, Any]]:
    """One entry an article: what the list shows and filters by."""
    entries = []
    for article in batch.articles:
        rows = batch.sentences.get(article["article"], [])
        counts = {f"{name}/{label}": sum(_has(row, name, label) for row in rows) for name, label, _ in batch.task.columns()}
        entries.append({"id": article["article"], "title": article["title"] or article["article"],
                        "outlet": article["outlet"] or "", "date": article["date"] or "", "n": len(rows), "counts": counts,
                        "uncertain": sum(bool(row["uncertain"]) for row in rows)})
    return entries


def _blocks(batch: Batch) -> Iterator[list[list[list[Any]]]]:
    """Sentences of BLOCK articles at a time: text, labels of each head, certainty, and the gap before it."""
    for start in range(0, len(batch.articles), BLOCK):
        block = []
        for article in batch.articles[start:start + BLOCK]:
            end = 0
            rows = []
            for row in batch.sentences.get(article["article"], []):
                rows.append([row["text"], [row[name] for name in batch.task.heads], int(bool(row["uncertain"])),
                             row["start"] - end])
                end = row["end"]
            block.append(rows)
        yield block


def _packed(value: Any) -> str:
    content = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode()


def _read_part(path: Path, task: Task) -> Iterator[dict[str, Any]]:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        file = pq.ParquetFile(path)
        wanted = {"article", "start", "end", "text", "uncertain", "holder", *task.heads}
        for batch in file.iter_batches(5000, columns=[name for name in file.schema_arrow.names if name in wanted]):
            yield from batch.to_pylist()
    elif path.suffix == ".jsonl":
        with path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)
    else:
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                many = {name: [label for label in row[name].split(";") if label]
                        for name, head in task.heads.items() if head.kind == "many"}
                yield {**row, **many, "start": int(row["start"]), "end": int(row["end"]),
                       "uncertain": row["uncertain"] == "True"}
