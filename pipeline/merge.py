"""What the chunks of a batch left, merged into one table of articles and one file of rejects, a piece at a time."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.articles import Reject
from pipeline.score import WORK, rejects_text

#: Articles that make up a row group of ``articles.parquet``, at the least.
_ROW_GROUP = 5000


def merge_articles(parts: Sequence[Path], out: Path) -> tuple[int, int]:
    """Write ``articles.parquet`` a row group at a time; returns how many articles and sentences it tells of."""
    from pyarrow import compute, parquet

    partial = out / WORK / "articles.parquet"
    articles = sentences = 0
    with contextlib.ExitStack() as opened:
        writer = None
        for table in _flag_duplicates(parts):
            writer = writer or opened.enter_context(parquet.ParquetWriter(partial, table.schema, compression="zstd"))
            writer.write_table(table)
            articles += len(table)
            sentences += compute.sum(table["sentences"]).as_py() or 0
    if parts:
        partial.replace(out / "articles.parquet")
    return articles, sentences


def merge_rejects(parts: Sequence[Path], unreadable: list[Reject], out: Path) -> int:
    """Write ``rejects.jsonl``; returns how many there are."""
    partial = out / WORK / "rejects.jsonl"
    count = len(unreadable)
    with partial.open("wb") as merged:
        for part in parts:
            with part.open("rb") as lines:
                for line in lines:
                    merged.write(line)
                    count += 1
        merged.write(rejects_text(unreadable).encode())
    partial.replace(out / "rejects.jsonl")
    return count


def _flag_duplicates(parts: Sequence[Path]) -> Iterator[Any]:
    """The articles of all parts with ``duplicate_of``: the first article with the very same text, or null.

    Only articles whose text may come again are remembered: the others cost eight bytes each.
    """
    import pyarrow as pa

    repeated = _repeated(parts)
    first: dict[str, str] = {}
    for table in _row_groups(parts):
        flags = []
        for name, digest in zip(table["article"].to_pylist(), table["text_sha256"].to_pylist(), strict=True):
            flags.append(first.get(digest))
            if _short(digest) in repeated:
                first.setdefault(digest, name)
        yield table.drop_columns("text_sha256").append_column("duplicate_of", pa.array(flags, pa.string()))


def _repeated(parts: Sequence[Path]) -> set[int]:
    """Short digests of the texts that occur more than once."""
    from pyarrow import parquet

    found = [np.zeros(0, np.uint64)]
    for part in parts:
        digests = parquet.read_table(part, columns=["text_sha256"])["text_sha256"].to_pylist()
        found.append(np.array([_short(digest) for digest in digests], np.uint64))
    short, counts = np.unique(np.concatenate(found), return_counts=True)
    return set(short[counts > 1].tolist())


def _short(digest: str) -> int:
    return int(digest[:16], 16)


def _row_groups(parts: Sequence[Path]) -> Iterator[Any]:
    """The articles of all parts, in order, several thousand at a time."""
    import pyarrow as pa
    from pyarrow import parquet

    held: list[Any] = []
    for part in parts:
        held.append(parquet.read_table(part))
        if sum(map(len, held)) >= _ROW_GROUP:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)
