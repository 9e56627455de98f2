"""Which files to score, and how they are cut into chunks: the unit of work, of resuming and of one output part."""

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pipeline.articles import LONGEST, Article, Reject, make_article, read_csv, read_document, read_jsonl
from pipeline.config import Settings
from pipeline.errors import InputError, PipelineError, one_of
from pipeline.remote import failure, file_system, open_source
from pipeline.unpack import PACKED, check_groups, read_start, records, unpack

#: Bytes of a table, and files of one article each, that make up a chunk.
CHUNK_BYTES = 4_000_000
CHUNK_FILES = 500
_BLOCK = 1 << 20
_DOCUMENTS = (".txt", ".html", ".htm")
_TABLES = (".jsonl", ".csv", ".parquet")


class Chunk(Settings):
    """A slice of the input. ``start`` and ``stop`` are bytes (jsonl, csv) or row groups (parquet) of ``sources[0]``.

    ``shown`` is what users know the source as, where that is not the file that is read (unpacked, standard input).
    """

    kind: Literal["documents", "jsonl", "csv", "parquet"]
    sources: tuple[str, ...]
    start: int = 0
    stop: int = 0
    first_row: int = 1
    header: tuple[str, ...] = ()
    shown: str = ""


def find_inputs(arguments: Sequence[str]) -> list[str]:
    """Files behind paths, folders, globs and URLs, sorted within each. Raises InputError for one that leads nowhere."""
    found: list[str] = []
    for argument in arguments:
        matches = _matches(argument)
        if not matches:
            raise InputError(f"{argument}: no such file or folder, or nothing in it that ends in one of "
                             f"{', '.join(_DOCUMENTS + _TABLES)} (also with .gz or .zst)")
        found += matches
    return list(dict.fromkeys(found))


def fingerprint(source: str) -> str:
    """SHA-256 of a file's content: the same input is known again wherever it lies."""
    digest = hashlib.sha256()
    with open_source(source) as content:
        while block := content.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def plan(sources: Sequence[str], spool: Path, names: Mapping[str, str] | None = None) -> tuple[list[Chunk], list[Reject]]:
    """Cut ``sources`` into chunks, in order; a table that cannot be opened becomes a reject.

    Packed files are unpacked into ``spool`` first: they cannot be sought. ``names`` says what users know a source as.
    """
    names = names or {}
    chunks: list[Chunk] = []
    rejects: list[Reject] = []
    documents: list[str] = []

    def flush() -> None:
        chunks.extend(Chunk(kind="documents", sources=tuple(documents[at:at + CHUNK_FILES]))
                      for at in range(0, len(documents), CHUNK_FILES))
        documents.clear()

    for source in sources:
        kind = _ending(source)
        if kind in _DOCUMENTS and source in names:
            flush()
            chunks.append(Chunk(kind="documents", sources=(source,), shown=names[source]))
            continue
        if kind in _DOCUMENTS:
            documents.append(source)
            continue
        flush()
        cut = {".jsonl": _cut_jsonl, ".csv": _cut_csv, ".parquet": _cut_parquet}[kind]
        shown = names.get(source, source if Path(source).suffix in PACKED else "")
        before = len(chunks)
        try:
            for piece in cut(_unpacked(source, spool) if Path(source).suffix in PACKED else source):
                chunks.append(piece.model_copy(update={"shown": shown}))
        except (InputError, OSError) as error:  # what was cut until then is read all the same
            rejects.append(_unreadable(names.get(source, source), 0, error))
            continue
        if len(chunks) == before:
            rejects.append(Reject(names.get(source, source), 0, "empty file", ""))
    flush()
    return chunks, rejects


def read_chunk(chunk: Chunk, columns: Mapping[str, str]) -> Iterator[Article | Reject]:
    """Articles and rejects of a chunk, in order."""
    source = chunk.sources[0]
    name = chunk.shown or source
    if chunk.kind == "documents":
        for path in chunk.sources:
            yield _document(path, chunk.shown or path)
    elif chunk.kind == "parquet":
        yield from _read_parquet(chunk, columns)
    else:
        with open_source(source) as content:
            content.seek(chunk.start)
            if chunk.kind == "jsonl":
                yield from read_jsonl(name, content, chunk.stop - chunk.start, chunk.first_row, columns)
            else:
                body = content.read(chunk.stop - chunk.start)
                yield from read_csv(name, body, list(chunk.header), chunk.first_row, columns)


def _matches(argument: str) -> list[str]:
    fs, path = file_system(argument)
    remote = "://" in argument
    try:
        if fs.isdir(path):
            listed = fs.find(path)
            names = [fs.unstrip_protocol(name) if remote else str(Path(argument) / Path(name).relative_to(path))
                     for name in listed]
        elif any(mark in argument for mark in "*?[") and not fs.exists(path):
            names = [fs.unstrip_protocol(name) if remote else _as_given(argument, name) for name in fs.glob(path)]
        else:
            if fs.exists(path) and _ending(argument) not in _DOCUMENTS + _TABLES:
                raise InputError(f"{argument}: ending {Path(argument).suffix!r} {one_of(_DOCUMENTS + _TABLES)}")
            return [argument] if fs.exists(path) else []
    except OSError as error:
        raise failure(argument, error) from None
    return sorted(name for name in names if _ending(name) in _DOCUMENTS + _TABLES)


def _as_given(argument: str, absolute: str) -> str:
    """Relative where the argument was relative."""
    return absolute if Path(argument).is_absolute() else str(Path(absolute).relative_to(Path.cwd()))


def _ending(source: str) -> str:
    path = Path(source.split("?", 1)[0])
    return (path.with_suffix("") if path.suffix in PACKED else path).suffix.lower()


def _document(path: str, name: str) -> Article | Reject:
    try:
        with open_source(path) as content:
            return read_document(name, read_start(content, Path(path).suffix, LONGEST + 1))
    except (InputError, OSError) as error:
        return _unreadable(name, 0, error)


def _unreadable(name: str, row: int, error: Exception) -> Reject:
    return Reject(name, row, f"cannot be read: {' '.join(str(error).split())}", "")


def _unpacked(source: str, spool: Path) -> str:
    """The unpacked copy of a .gz or .zst file, made once."""
    spool.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(source.encode()).hexdigest()[:12] + "-" + Path(source).stem
    target = spool / name
    if not target.exists():
        with open_source(source) as packed:
            unpack(packed, Path(source).suffix, target)
    return str(target)


def _cut_jsonl(source: str) -> Iterator[Chunk]:
    """Byte ranges that end at line ends, about CHUNK_BYTES each."""
    start = at = 0
    first_row = rows = 1
    with open_source(source) as content:
        while block := content.read(CHUNK_BYTES + start - at) if at - start < CHUNK_BYTES else content.readline(_BLOCK):
            at += len(block)
            rows += block.count(b"\n")
            if at - start >= CHUNK_BYTES and block.endswith(b"\n"):
                yield Chunk(kind="jsonl", sources=(source,), start=start, stop=at, first_row=first_row)
                start, first_row = at, rows
    if at > start:
        yield Chunk(kind="jsonl", sources=(source,), start=start, stop=at, first_row=first_row)


def _cut_csv(source: str) -> Iterator[Chunk]:
    """Byte ranges that end at row ends: a line end after an even number of quotation marks."""
    with open_source(source) as content:
        head = content.readline(_BLOCK)
        try:
            header = tuple(next(csv.reader(io.StringIO(head.decode("utf-8-sig", "replace"))), []))
        except csv.Error as error:
            raise InputError(f"the header is not CSV: {error}") from None
        start = at = begun = len(head)
        first_row = row = 2
        quotes = 0

        def piece(stop: int) -> Chunk:
            return Chunk(kind="csv", sources=(source,), start=start, stop=stop, first_row=first_row, header=header)

        while line := content.readline(_BLOCK):
            at += len(line)
            quotes += line.count(b'"')
            if at - begun > LONGEST:
                if begun > start:
                    yield piece(begun)
                raise InputError(f"row {row} is longer than the {LONGEST} bytes allowed; is a quotation mark left open?")
            if quotes % 2 == 0 and line.endswith(b"\n"):
                row, begun = row + 1, at
            if at - start >= CHUNK_BYTES and begun == at:
                yield piece(at)
                start, first_row = at, row
    if at > start:
        yield piece(at)


def _cut_parquet(source: str) -> Iterator[Chunk]:
    from pyarrow import parquet

    try:
        with open_source(source) as content:
            groups = parquet.ParquetFile(content).metadata
            check_groups(groups, content.seek(0, io.SEEK_END))
    except PipelineError:
        raise
    except Exception as error:  # whatever a damaged file provokes in the library
        raise InputError(f"not Parquet: {error}") from None
    row = 1
    for at in range(groups.num_row_groups):
        yield Chunk(kind="parquet", sources=(source,), start=at, stop=at + 1, first_row=row)
        row += groups.row_group(at).num_rows


def _read_parquet(chunk: Chunk, columns: Mapping[str, str]) -> Iterator[Article | Reject]:
    row = chunk.first_row
    name = chunk.shown or chunk.sources[0]
    try:
        with open_source(chunk.sources[0]) as content:
            for record in records(content, chunk.start, chunk.stop):
                yield make_article(name, row, record, columns)
                row += 1
    except PipelineError:  # the connection broke: the rest is not lost, the batch stops and can go on
        raise
    except Exception as error:  # whatever a damaged file provokes in the library
        yield _unreadable(name, row, error)
