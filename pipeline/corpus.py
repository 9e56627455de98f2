"""Labelled files to rows a model can learn from: checked, given their context, split by event, fingerprinted."""

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import DataError, one_of
from pipeline.parse import parse_json
from pipeline.task import Examples, Head, Sentence, Targets, Task, encode_label
from pipeline.unpack import check_groups, records

SPLITS = ("train", "valid", "test")
#: Share of events that go to each split when no column says otherwise.
_SHARES = {"train": 0.8, "valid": 0.1, "test": 0.1}
#: Columns of articles.jsonl that describe an article and by which results are sliced.
META = ("date", "genre", "voice", "region")


@dataclass(frozen=True)
class Row:
    """A labelled sentence, where it was read, and what is known of its article."""

    where: str
    sentence: Sentence
    targets: dict[str, list[float]]
    event: str
    split: str
    weight: float = 1.0
    case: str = ""
    meta: Mapping[str, str] = field(default_factory=dict)
    annotations: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Corpus:
    """All rows of one or more labelled files under one task."""

    task: Task
    rows: list[Row]

    def part(self, split: str) -> list[Row]:
        return [row for row in self.rows if row.split == split]

    def examples(self, split: str | None = None) -> Examples:
        """Rows of a split (all when None) as arrays; the groups are articles, else events."""
        return to_examples(self.task, self.part(split) if split else self.rows)

    def fingerprint(self) -> str:
        """SHA-256 over every row's text, context, labels, split, weight and annotations."""
        digest = hashlib.sha256()
        for row in self.rows:
            said, rest = row.sentence, [row.targets, row.split, row.weight, list(row.annotations)]
            digest.update(json.dumps([said.text, said.previous, said.title, *rest], sort_keys=True, default=dict).encode())
        return digest.hexdigest()


def to_examples(task: Task, rows: list[Row]) -> Examples:
    """Rows as sentences, targets of shape (n, labels) a head, weights and groups."""
    targets: Targets = {name: np.array([row.targets[name] for row in rows]).reshape(len(rows), len(head.labels))
                        for name, head in task.heads.items()}
    return Examples([row.sentence for row in rows], targets, np.array([row.weight for row in rows], dtype=float),
                    [row.sentence.article or row.event for row in rows])


def read_corpus(paths: Sequence[str | Path], task: Task, weights: Sequence[float] = (),
                columns: Mapping[str, str] | None = None) -> Corpus:
    """Read labelled files (or folders that hold ``sentences.jsonl``) in order.

    ``weights`` gives one weight a file (default 1). ``columns`` maps our column names to the file's. Raises DataError
    that names file, line, value and what was allowed, for the first bad row, and says how many more there are.
    """
    rows: list[Row] = []
    for i, path in enumerate(paths):
        weight = weights[i] if i < len(weights) else 1.0
        rows += _read_one(Path(path), task, weight, columns or {})
    if not rows:
        raise DataError(f"{', '.join(map(str, paths))}: no labelled sentence found")
    return Corpus(task, rows)


def split_of(event: str) -> str:
    """The split of an event, fixed by a hash of its name: the same on every machine, whatever else the corpus holds."""
    point = int.from_bytes(hashlib.sha256(event.encode()).digest()[:8], "big") / 2**64
    for split, share in _SHARES.items():
        point -= share
        if point < 0:
            return split
    return SPLITS[-1]


def read_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """``(where, row)`` of a .jsonl, .csv or .parquet file. Raises DataError for a file or line that cannot be read."""
    readers = {".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet}
    if path.suffix not in readers:
        raise DataError(f"{path}: ending {path.suffix!r} {one_of(readers)}")
    try:
        yield from readers[path.suffix](path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 at byte {error.start}") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None


def _read_one(path: Path, task: Task, weight: float, columns: Mapping[str, str]) -> list[Row]:
    if path.is_dir():
        path = path / "sentences.jsonl"
    articles = _read_articles(path.with_name("articles.jsonl"))
    rows: list[Row] = []
    bad: list[DataError] = []
    for where, raw in read_rows(path):
        named = {ours: raw[theirs] for ours, theirs in columns.items() if theirs in raw} | raw
        try:
            rows.append(_row(where, named, task, weight, articles))
        except DataError as error:
            bad.append(DataError(f"{where}: {error}"))
    if bad:
        more = f" (and {len(bad) - 1} more bad rows)" if len(bad) > 1 else ""
        raise DataError(f"{bad[0]}{more}")
    return _with_previous(rows)


def _row(where: str, raw: Mapping[str, Any], task: Task, weight: float,
         articles: Mapping[str, Mapping[str, Any]]) -> Row:
    text = raw.get("text")
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"text {text!r} is not a sentence; known columns here: {', '.join(raw)}")
    article = str(raw.get("article") or "")
    about = articles.get(article, {})
    targets = {name: _targets(name, head, raw) for name, head in task.heads.items()}
    event = str(raw.get("event") or about.get("event") or article or text)
    split = raw.get("split") or split_of(event)
    if split not in SPLITS:
        raise DataError(f"split {split!r} {one_of(SPLITS)}")
    sentence = Sentence(text, str(raw.get("previous") or ""), str(raw.get("title") or about.get("title") or ""),
                        article, _index(raw.get("index")))
    meta = {key: str(raw.get(key) or about.get(key) or "") for key in META}
    notes = raw.get("annotations") or []
    notes = _cell("one", notes) if isinstance(notes, str) else notes
    if not (isinstance(notes, list) and all(isinstance(note, dict) for note in notes)):
        raise DataError(f"annotations {str(notes)[:80]!r} are not a list of objects")
    return Row(where, sentence, targets, event, split, _weight(raw.get("weight", 1.0)) * weight,
               str(raw.get("case") or ""), meta, notes)


def _targets(name: str, head: Head, raw: Mapping[str, Any]) -> list[float]:
    if name not in raw:
        raise DataError(f"column '{name}' is missing; the row has {', '.join(raw)}")
    value = raw[name]
    if isinstance(value, str):
        value = _cell(head.kind, value)
    elif value is None and head.kind == "many":
        value = []
    return encode_label(head, name, value)


def _cell(kind: str, cell: str) -> Any:
    """A label, or as a spreadsheet holds several: ``wall; judiciary``, a JSON list, or a JSON object of votes."""
    if cell.startswith(("[", "{")):
        try:
            return parse_json(cell)
        except ValueError:
            return cell
    return [part.strip() for part in cell.split(";") if part.strip()] if kind == "many" else cell.strip()


def _index(value: Any) -> int:
    try:
        return int(value or 0)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"index {value!r} is not a whole number") from None


def _weight(value: Any) -> float:
    try:
        weight = float(value)
    except (TypeError, ValueError, OverflowError):
        weight = -1.0
    if not 0 <= weight < float("inf"):
        raise DataError(f"weight {value!r} is not a number of 0 or more")
    return weight


def _with_previous(rows: list[Row]) -> list[Row]:
    """Fill in the preceding sentence from article and index where the row did not give one."""
    texts = {(row.sentence.article, row.sentence.position): row.sentence.text for row in rows if row.sentence.article}
    filled = []
    for row in rows:
        known = row.sentence.previous or texts.get((row.sentence.article, row.sentence.position - 1), "")
        filled.append(replace(row, sentence=row.sentence._replace(previous=known)))
    return filled


def _read_articles(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    articles = {}
    for where, raw in read_rows(path):
        if not isinstance(raw.get("article"), str):
            raise DataError(f"{where}: article {raw.get('article')!r} is not an id")
        articles[raw["article"]] = raw
    return articles


def _jsonl(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = parse_json(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{path}:{number}: not JSON: {error.msg} at column {error.colno}") from None
            except ValueError as error:
                raise DataError(f"{path}:{number}: not JSON: {error}") from None
            if not isinstance(row, dict):
                raise DataError(f"{path}:{number}: {type(row).__name__}, not an object")
            yield f"{path}:{number}", row


def _csv(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        try:
            for row in reader:
                yield f"{path}:{reader.line_num}", {key: value for key, value in row.items() if key is not None}
        except csv.Error as error:
            raise DataError(f"{path}:{reader.line_num}: not CSV: {error}") from None


def _parquet(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    from pyarrow import parquet

    try:
        with path.open("rb") as content:
            groups = parquet.ParquetFile(content).metadata
            check_groups(groups, path.stat().st_size)
            for number, row in enumerate(records(content, 0, groups.num_row_groups), 1):
                yield f"{path}: row {number}", row
    except OSError:
        raise
    except Exception as error:  # whatever a damaged file provokes in the library
        raise DataError(f"{path}: not Parquet: {error}") from None
