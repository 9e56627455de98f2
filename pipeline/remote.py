"""Files wherever fsspec reaches, read as if they lay here; what goes wrong on the way names the URL."""

import io
from typing import Any, BinaryIO

import fsspec

from pipeline.errors import InputError, PipelineError, SourceError

_BLOCK = 1 << 20


def file_system(source: str) -> tuple[Any, str]:
    """The file system of a path or URL, and the path in it."""
    try:
        return fsspec.core.url_to_fs(source)  # type: ignore[no-any-return]
    except (OSError, ImportError, ValueError) as error:  # no such protocol, or what it needs is not installed
        raise failure(source, error) from None


def open_source(source: str) -> BinaryIO:
    """Open a path or URL for reading. Raises InputError, and SourceError while a remote file is read."""
    try:
        opened = fsspec.open(source, "rb").open()
    except (OSError, ImportError, ValueError) as error:
        raise failure(source, error) from None
    return io.BufferedReader(_Remote(source, opened), _BLOCK) if "://" in source else opened


def failure(source: str, error: Exception, kind: type[PipelineError] = InputError) -> PipelineError:
    """What went wrong with ``source``, in one line."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return kind(f"{source}: {' '.join(reason.split())}")


class _Remote(io.RawIOBase):
    """A file elsewhere. Each protocol has errors of its own, so all are caught."""

    def __init__(self, source: str, opened: Any) -> None:
        self._source = source
        self._opened = opened

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            try:
                found = self._opened.read(len(buffer))
            except ValueError:  # a web server that sends no part of a file
                self._start_anew()
                found = self._opened.read(len(buffer))
        except Exception as error:
            raise failure(self._source, error, SourceError) from None
        buffer[:len(found)] = found
        return len(found)

    def tell(self) -> int:
        return int(self._opened.tell())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            self._opened.seek(offset, whence)
        except (OSError, ValueError) as error:
            raise failure(self._source, error, SourceError) from None
        return self.tell()  # a stream's own seek may return nothing

    def _start_anew(self) -> None:
        """Read from the beginning, in one stream, up to the present place."""
        place = self.tell()
        self._opened.close()
        self._opened = fsspec.open(self._source, "rb", block_size=0).open()
        while (left := place - self.tell()) > 0 and self._opened.read(min(left, _BLOCK)):
            pass

    def close(self) -> None:
        self._opened.close()
        super().close()
