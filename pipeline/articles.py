"""Articles from files: one at a time, lazily; what cannot be read becomes a reject with its reason."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

from pipeline.parse import parse_json

#: Longest line of JSONL and longest file of plain text or HTML that is read, in bytes.
LONGEST = 10_000_000
#: Our name of each column and the names looked for in a file, first come first served.
COLUMNS = {"id": ("id", "article"), "text": ("text",), "title": ("title",), "date": ("date",),
           "outlet": ("outlet", "source")}
_EXCERPT = 200


class Article(NamedTuple):
    """One article. ``text`` is what the offsets of its sentences count characters in."""

    id: str
    text: str
    title: str = ""
    date: str = ""
    outlet: str = ""


class Reject(NamedTuple):
    """One input that was not scored: file, row (from 1; 0 for a whole file), why, and how it begins."""

    source: str
    row: int
    reason: str
    excerpt: str


def read_document(source: str, content: bytes) -> Article | Reject:
    """A file that is one article: HTML by its ending, else plain text in UTF-8 (or UTF-16 with its mark)."""
    if len(content) > LONGEST:
        return _reject(source, 0, f"file is longer than the {LONGEST} bytes allowed", content)
    if not content.strip():
        return _reject(source, 0, "empty file", content)
    if source.lower().removesuffix(".gz").removesuffix(".zst").endswith((".html", ".htm")):
        return _html(source, content)
    text = _decode(content)
    if text is None:
        return _reject(source, 0, _encoding_reason(content), content)
    return Article(source, text.replace("\r\n", "\n"))


def read_jsonl(source: str, lines: BinaryIO, length: int, first_row: int,
               columns: Mapping[str, str]) -> Iterator[Article | Reject]:
    """Articles of the next ``length`` bytes of JSONL, whose first line is row ``first_row``."""
    row, left = first_row, length
    while left > 0:
        line = lines.readline(min(left, LONGEST + 1))
        if not line:
            return
        left -= len(line)
        if len(line) > LONGEST and not line.endswith(b"\n"):
            size = len(line)
            while left > 0 and not line.endswith(b"\n"):
                line = lines.readline(min(left, LONGEST)) or b"\n"
                size, left = size + len(line), left - len(line)
            yield _reject(source, row, f"line of {size} bytes is longer than the {LONGEST} allowed", line)
        elif line.strip():
            yield _json_line(source, row, line, columns)
        row += 1


def read_csv(source: str, content: bytes, header: list[str], first_row: int,
             columns: Mapping[str, str]) -> Iterator[Article | Reject]:
    """Articles of CSV rows (without their header), the first of which is row ``first_row``."""
    text = _decode(content)
    if text is None:
        yield _reject(source, first_row, _encoding_reason(content), content)
        return
    csv.field_size_limit(LONGEST)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    row = first_row
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _reject(source, row, f"not CSV: {error}", content)
            row += 1
            continue
        if cells and len(cells) != len(header):
            yield _reject(source, row, f"{len(cells)} cells where the header has {len(header)}", ",".join(cells))
        elif cells:
            yield make_article(source, row, dict(zip(header, cells, strict=True)), columns)
        row += 1


def make_article(source: str, row: int, raw: Mapping[str, Any], columns: Mapping[str, str]) -> Article | Reject:
    """A record as an article; ``columns`` maps our names to the file's where they differ."""
    cells = {}
    for ours, names in COLUMNS.items():
        wanted = (columns[ours],) if ours in columns else names
        found = next((name for name in wanted if name in raw), None)
        if found is None and (ours == "text" or ours in columns):
            return _reject(source, row, f"column '{wanted[0]}' is missing; the row has {', '.join(map(str, raw))}",
                           json.dumps(raw, ensure_ascii=False, default=str))
        value = raw.get(found) if found else None
        cells[ours] = "" if value is None else value
    if not isinstance(cells["text"], str):
        return _reject(source, row, f"text is {type(cells['text']).__name__}, not a string", str(cells["text"]))
    if len(cells["text"]) > LONGEST:
        return _reject(source, row, f"text of {len(cells['text'])} characters is longer than the {LONGEST} allowed",
                       cells["text"])
    if not cells["text"].strip():
        return _reject(source, row, "empty text", json.dumps(raw, ensure_ascii=False, default=str))
    name = str(cells["id"]) if cells["id"] != "" else f"{source}:{row}"
    return Article(name, cells["text"], *(str(cells[key]) for key in ("title", "date", "outlet")))


def _json_line(source: str, row: int, line: bytes, columns: Mapping[str, str]) -> Article | Reject:
    try:
        raw = parse_json(line.decode("utf-8-sig" if row == 1 else "utf-8"))
    except UnicodeDecodeError:
        return _reject(source, row, _encoding_reason(line), line)
    except ValueError as error:
        return _reject(source, row, f"not JSON: {error}", line)
    if not isinstance(raw, dict):
        return _reject(source, row, f"JSON {type(raw).__name__}, not an object", line)
    return make_article(source, row, raw, columns)


def _html(source: str, content: bytes) -> Article | Reject:
    """Title, date, site and text of a page, by trafilatura; nothing is fetched."""
    import trafilatura

    try:
        page = trafilatura.bare_extraction(content, favor_recall=True, include_comments=False, with_metadata=True)
    except Exception as error:  # whatever a hostile page provokes in the parser
        return _reject(source, 0, f"not HTML: {type(error).__name__}: {error}", content)
    text = (page.text or "") if page is not None else ""
    if page is None or not text.strip():
        return _reject(source, 0, "no article text found in the page", content)
    return Article(source, text, page.title or "", page.date or "", page.sitename or "")


def _decode(content: bytes) -> str | None:
    if b"\0" in content[:4096] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    try:
        return content.decode("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError:
        return None


def _encoding_reason(content: bytes) -> str:
    """Why bytes are no text, with the likeliest encoding as a hint: a guess must not slip into results unseen."""
    if b"\0" in content[:4096]:
        return "binary, not text"
    from charset_normalizer import from_bytes

    at = next((i for i in range(len(content)) if content[i] > 127), 0)
    guess = from_bytes(content[:20_000]).best()
    hint = f"; it looks like {guess.encoding}" if guess else ""
    return f"not UTF-8 (byte {content[at]:#04x} at {at}){hint}; convert it first"


def _reject(source: str, row: int, reason: str, content: bytes | str) -> Reject:
    start = content[:4 * _EXCERPT]
    text = start.decode("utf-8", "replace") if isinstance(start, bytes) else start
    return Reject(source, row, reason, text[:_EXCERPT])
