"""Packed files, read and unpacked within bounds: a small file may not fill the memory or the disk."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.errors import InputError

#: Endings of packed files, and what each is packed with.
PACKED = {".gz": "gzip", ".zst": "zstd"}
#: A packed file may grow to FREE bytes, and beyond that to RATIO times what was read of it. Text grows 3 to 20 times.
FREE, RATIO = 100_000_000, 200
_BLOCK = 1 << 20


def unpack(packed: BinaryIO, ending: str, target: Path) -> None:
    """Write what ``packed`` holds to ``target``, whole or not at all. Raises InputError when damaged or growing too far."""
    import pyarrow as pa

    partial = target.with_name(target.name + ".partial")
    try:
        with partial.open("wb") as out, pa.CompressedInputStream(packed, PACKED[ending]) as content:
            while block := content.read(_BLOCK):
                out.write(block)
                check_growth(out.tell(), packed.tell())
        partial.replace(target)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"cannot be unpacked: {error}") from None
    finally:
        partial.unlink(missing_ok=True)


def read_start(content: BinaryIO, ending: str, most: int) -> bytes:
    """The first ``most`` bytes of a file, unpacked if its ``ending`` says that it is packed."""
    import pyarrow as pa

    if ending not in PACKED:
        return content.read(most)
    try:
        with pa.CompressedInputStream(content, PACKED[ending]) as unpacked:
            return bytes(unpacked.read(most))
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"cannot be unpacked: {error}") from None


def check_growth(unpacked: int, packed: int) -> None:
    """Raises InputError where ``packed`` bytes became more ``unpacked`` ones than allowed."""
    if unpacked > FREE + RATIO * packed:
        raise InputError(f"{packed} packed bytes became {unpacked}, more than the {FREE} and {RATIO} times the packed size "
                         "that are allowed; unpack it yourself if you trust it")


def check_groups(metadata: Any, size: int) -> None:
    """Raises InputError where a row group of a Parquet file of ``size`` bytes says that it grows too far.

    The columns' own figures are left alone: where those of a damaged file do not fit, pyarrow 25 ends the process.
    """
    for i in range(metadata.num_row_groups):
        check_growth(metadata.row_group(i).total_byte_size, size)


def records(content: BinaryIO, start: int, stop: int) -> Iterator[dict[str, Any]]:
    """Records of row groups of a Parquet file, one by one: text that it repeats by reference is not multiplied."""
    from pyarrow import parquet

    schema = parquet.ParquetFile(content).schema
    text = [column.name for column in schema if column.physical_type == "BYTE_ARRAY" and column.path == column.name]
    for batch in parquet.ParquetFile(content, read_dictionary=text).iter_batches(1000, row_groups=range(start, stop)):
        for at in range(len(batch)):
            yield batch.slice(at, 1).to_pylist()[0]
