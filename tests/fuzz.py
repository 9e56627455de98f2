"""Hostile input to everything that reads: `make fuzz` fails on a crash, a hang, or an error that is no PipelineError.

Run as ``python tests/fuzz.py [READER ...] --inputs N --seed S --out FOLDER``. Valid inputs are broken in known ways (cut,
flipped, doubled, spliced, spiked with hostile tokens). Each reader runs in a process of its own, so that even a crash of
a native library leaves the input that caused it in FOLDER. ``--guided`` lets atheris choose the inputs by coverage.
"""

import argparse
import contextlib
import faulthandler
import gzip
import io
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from pipeline.articles import Article, read_document
from pipeline.config import load_config
from pipeline.errors import PipelineError
from pipeline.holders import find_holder
from pipeline.inputs import find_inputs, plan, read_chunk
from pipeline.score import rejects_text
from pipeline.sentences import sentences_of
from pipeline.task import Head, Task

#: Seconds that one input may take: of computing, and on the clock (a busy machine or disk is no hang).
SECONDS, PATIENCE = 10, 120
TASK = Task(name="t", codebook="1", heads={"side": Head(kind="one", labels=("for", "against")),
                                           "topics": Head(kind="many", labels=("tax", "road"))})
Target = Callable[[Path], object]


class Hang(BaseException):
    """An input takes too long. No Exception: readers catch whatever their libraries raise, but not this."""

_ARTICLES = [{"id": "a1", "text": "Dr. Lee said the road is closed. “Why?” asked Mr. Ray, 40.\n\nIt was 3 p.m. Friday.",
              "title": "Road", "date": "2024-01-02", "outlet": "Post"}, {"article": 7, "text": "A tax. No, two!", "x": None}]
_LABELLED = [{"article": "a1", "index": 0, "text": "The road is closed.", "side": "for", "topics": ["road"], "weight": 0.5},
             {"text": "A tax.", "side": {"for": 2, "against": 1}, "topics": {"tax": 0.5}, "split": "test", "event": "e"}]
_CASES = [{"id": "c1", "capability": "negation", "kind": "minimum", "text": "No tax.", "expect": {"side": "against"}},
          {"id": "c2", "capability": "names", "kind": "invariance", "text": "A.", "variant": "B.", "heads": ["side"]}]
_EXPORT = [{"data": {"id": "a:1", "text": "A tax.", "index": 1, "title": "T"}, "annotations": [
    {"completed_by": {"id": 1, "email": "x@y"}, "was_cancelled": False, "result": [
        {"from_name": "side", "to_name": "text", "type": "choices", "value": {"choices": ["for"]}},
        {"from_name": "topics", "to_name": "text", "type": "choices", "value": {"choices": ["tax", "road"]}}]}]}]
_MODEL = {"format": 1, "name": "m", "task": TASK.model_dump(mode="json"), "config": {"classifier": "tfidf"}, "codebook": "1",
          "corpus": "c", "thresholds": {"side": [0.5, 0.5]}, "limits": {"side": 0.4}, "files": {"weights/a.json": "0"}}
_MANIFEST = {"format": 2, "state": "done", "model": "m", "model_digest": "d", "codebook": "1", "inputs": {"a.txt": "0"},
             "options": {"format": "parquet"}, "task": TASK.model_dump(mode="json"), "articles": 1, "sentences": 2,
             "rejects": 0, "warnings": [], "confusion": {"side": [[1, 0], [0, 1]]}}
_PAGE = ("<!doctype html><html><head><title>Road</title><meta property='og:site_name' content='Post'></head><body><article>"
         "<h1>Road</h1>" + "<p>The mayor said on Monday that the road is closed for all of the coming week.</p>" * 3
         + "<script>x</script></article></body></html>")
_YAML = ["name: t\ncodebook: '1'\nheads:\n  side: {kind: one, labels: [for, against]}\n", "a: &a [x]\nb: [*a, *a]\n<<: *a\n",
         "classifier: tfidf\nmin_count: 2\n", "date: 2024-01-02\nn: 1_000\nh: 0x1f\nf: 1e3\nt: !!str 3\n? {a: b}\n: c\n"]

#: What breaks readers: signs of each format at the wrong place, and values at the edge of a type.
TOKENS = [token.encode() for token in (
    "\0", "\ufeff", "\u2028", "\u202e", "\x85", "\x1a", "\r", "\n", "\n\n", "\t", '"', '""', "'", "\\", "\\u0000", "\\ud800",
    "NaN", "-Infinity", "1e999", "9" * 5000, "-0", "null", "true", "[]", "{}", "[" * 3000, '{"a":' * 2000, "<div>" * 600,
    "]]>", "<!--", "<![CDATA[", "&#0;", "&#x110000;", "&amp", "<script>", "</article>", "<base href=//x>",
    "!!python/name:os", "!!timestamp 2024-99-99", "!!int ''", "!!binary x", "!!float .", "&a [*a]", "*a", "<<:", "? ",
    "---\n", "%YAML 9.9\n", "|\n", ";", ",", ":", "=1+1", "@x", '"text"', '"id":', '"side"', '"index": 1e400,',
    '"weight": NaN,', '"split": [],', '"article": {},', "“", "”", ". . .", "?!" * 500, "Mr. " * 300, "a.b." * 500,
    "said " * 300, "according to ", "..", "../../etc/passwd", "x" * 40_000)]
TOKENS += [b"\xff\xfe", b"\xfe\xff", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"PAR1", b"\x1f\x8b",
           b"\x28\xb5\x2f\xfd", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff\xff\xff\xff\xff", b"\x80" * 10]


def mutate(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One of ``seeds``, broken in one to four places."""
    found = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 2, 4))):
        a, b = sorted(rng.randrange(len(found) + 1) for _ in range(2))
        match rng.randrange(8):
            case 0:
                del found[a:]
            case 1:
                del found[a:b]
            case 2:
                found[a:a] = found[a:b] * rng.choice((1, 2, 50))
            case 3:
                other = rng.choice(seeds)
                found[a:b] = other[rng.randrange(len(other) + 1):]
            case 4 if found:
                found[a % len(found)] ^= 1 << rng.randrange(8)
            case 5 if found:
                found[a % len(found)] = rng.randrange(256)
            case _:
                found[a:a if rng.random() < 0.5 else b] = rng.choice(TOKENS)
        del found[200_000:]
    return bytes(found)


def articles(path: Path) -> None:
    """Everything that `stance score` does with a file before the model sees it."""
    import pyarrow as pa

    shutil.rmtree(path.parent / "unpacked", ignore_errors=True)
    chunks, rejects = plan(find_inputs([str(path)]), path.parent / "unpacked")
    for chunk in chunks:
        for item in read_chunk(chunk, {}):
            if isinstance(item, Article):
                pa.array([*item, *(s.text for s in sentences_of(item))], pa.string())
            else:
                rejects.append(item)
    rejects_text(rejects).encode()


def document(path: Path) -> None:
    """A page or a plain text, and its sentences, with exact offsets."""
    found = read_document(path.name, path.read_bytes())
    if isinstance(found, Article):
        assert all(found.text[s.start:s.end] == s.text for s in sentences_of(found))


def labelled(path: Path) -> None:
    """A labelled file as the trainings see it."""
    from pipeline.corpus import read_corpus

    corpus = read_corpus([path], TASK)
    corpus.fingerprint()
    corpus.examples()


def cases(path: Path) -> None:
    """Behavioural cases."""
    from pipeline.challenge import read_cases

    read_cases(path, TASK)


def export(path: Path) -> None:
    """Label Studio's export, written as labelled rows."""
    from pipeline.review import combine, write_items
    from pipeline.review.exchange import from_export

    write_items(combine(TASK, [], from_export(TASK, path)), path.with_suffix(".out"))


def sheet(path: Path) -> None:
    """A filled-in spreadsheet, written as labelled rows."""
    from pipeline.review import combine, write_items
    from pipeline.review.exchange import read_sheet

    write_items(combine(TASK, [], read_sheet(TASK, path, "me")), path.with_suffix(".out"))


def items(path: Path) -> None:
    """Selected sentences."""
    from pipeline.review import read_items

    read_items(path)


def settings(path: Path) -> None:
    """A YAML file as a task and as a classifier's configuration."""
    from pipeline.classifiers import ClassifierConfig

    for kind in (Task, ClassifierConfig):
        with contextlib.suppress(PipelineError):
            load_config(path, kind)


def description(path: Path) -> None:
    """A model's description."""
    from pipeline.model import read_description

    read_description(path.parent)


def manifest(path: Path) -> None:
    """The manifest of a scored batch: on a rerun, and for the report."""
    from pipeline.batch import _is_finished, _read_summary
    from pipeline.report import read_batch, report_page, summary

    with contextlib.suppress(PipelineError):
        if _is_finished(path.parent, _MANIFEST):
            _read_summary(path.parent)
    batch = read_batch(path.parent)
    summary(batch)
    report_page(batch)


def sentences(path: Path) -> None:
    """Any text at all as sentences."""
    sentences_of(Article("a", path.read_bytes().decode("utf-8", "surrogateescape")))


def holders(path: Path) -> None:
    """Any text at all as a sentence whose holder is sought."""
    text = path.read_bytes().decode("utf-8", "replace")
    found = find_holder(text)
    assert found is None or 0 <= found[0] < found[1] <= len(text)


#: The file each reader gets, what reads it, and how many of every hundred thousand inputs it gets.
READERS: dict[str, tuple[str, Target, int]] = {
    "txt": ("a.txt", document, 6000), "html": ("a.html", document, 4000), "jsonl": ("a.jsonl", articles, 7000),
    "jsonl.gz": ("a.jsonl.gz", articles, 5000), "jsonl.zst": ("a.jsonl.zst", articles, 5000),
    "csv": ("a.csv", articles, 6000), "parquet": ("a.parquet", articles, 5000),
    "labelled-jsonl": ("l.jsonl", labelled, 6000), "labelled-csv": ("l.csv", labelled, 6000),
    "labelled-parquet": ("l.parquet", labelled, 4000), "challenge": ("c.jsonl", cases, 6000),
    "export": ("e.json", export, 6000), "sheet": ("s.csv", sheet, 5000), "items": ("i.jsonl", items, 5000),
    "yaml": ("t.yaml", settings, 5000), "model": ("model.json", description, 6000),
    "manifest": ("manifest.json", manifest, 3000), "sentences": ("a.txt", sentences, 5000),
    "holders": ("a.txt", holders, 5000)}


def seeds(reader: str) -> list[bytes]:
    """Valid inputs of a reader."""
    articles_, labelled_, cases_ = (["\n".join(json.dumps(row) for row in rows).encode() + b"\n"]
                                    for rows in (_ARTICLES, _LABELLED, _CASES))
    prose = [_ARTICLES[0]["text"].encode(), b'"It is," said Gov. Ann Lee of Ohio, a Democrat. REP. RAY: I agree.\r\nNo.']
    table = b'article,index,text,side,topics\r\na1,0,"The ""road"", is\nclosed.",for,road;tax\r\n,,A tax.,against,\r\n'
    known = {"txt": prose, "sentences": prose, "holders": prose, "html": [_PAGE.encode()], "jsonl": articles_,
             "csv": [b'id,text,title\r\na1,"The ""road"" is,\nclosed.",Road\r\na2,A tax.,\r\n'], "items": articles_,
             "labelled-jsonl": labelled_, "labelled-csv": [table], "challenge": cases_,
             "export": [json.dumps(_EXPORT).encode()], "sheet": [table.replace(b"article", b"id,article", 1)],
             "yaml": [text.encode() for text in _YAML],
             "model": [json.dumps(_MODEL).encode()], "manifest": [json.dumps(_MANIFEST).encode()]}
    if reader in known:
        return known[reader]
    if reader.endswith("parquet"):
        return _parquet(_ARTICLES[:1] if reader == "parquet" else _LABELLED[:1])
    return [_packed(reader, text) for text in articles_]


def _packed(reader: str, content: bytes) -> bytes:
    if reader.endswith("gz"):
        return gzip.compress(content, mtime=0)
    import pyarrow as pa

    return pa.compress(content, codec="zstd", asbytes=True)


def _parquet(rows: list[dict[str, object]]) -> list[bytes]:
    import pyarrow as pa
    from pyarrow import parquet

    found = []
    for options in ({"compression": "none"}, {"compression": "zstd"}, {"use_dictionary": False, "row_group_size": 2}):
        out = io.BytesIO()
        parquet.write_table(pa.Table.from_pylist(rows * 4), out, **options)
        found.append(out.getvalue())
    return found


def one_input(reader: str, folder: Path, content: bytes) -> str:
    """What became of an input: "" when read or refused, else a traceback."""
    file, target, _ = READERS[reader]
    path = folder / file
    path.write_bytes(content)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    faulthandler.dump_traceback_later(PATIENCE, exit=True)  # ends the process, even inside a native library
    try:
        target(path)
    except PipelineError as error:
        return "" if "\n" not in str(error) else f"an error of several lines: {error!r}"
    except (Exception, Hang):
        return traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        faulthandler.cancel_dump_traceback_later()
    return ""


def run(reader: str, count: int, seed: int, folder: Path) -> None:
    """``count`` inputs to a reader, in this process. The first that fails stays as it is in ``folder``."""
    def too_long(number: int, frame: FrameType | None) -> None:
        raise Hang(f"more than {SECONDS} s of computing")

    signal.signal(signal.SIGPROF, too_long)
    rng, valid = random.Random(f"{seed} {reader}"), seeds(reader)
    for content in valid:
        assert not one_input(reader, folder, content), one_input(reader, folder, content)
    for _ in range(count):
        content = mutate(rng, valid)
        if reader.endswith(("gz", "zst")) and rng.random() < 0.5:
            content = _packed(reader, mutate(rng, seeds("jsonl")))
        if trouble := one_input(reader, folder, content):
            print(trouble, file=sys.stderr)
            sys.exit(1)


def guided(reader: str, count: int, folder: Path) -> None:
    """``count`` inputs that atheris chooses by what they reach in the code. An exception ends it and names the input."""
    import atheris

    for module in [module for name, module in sys.modules.items() if name.startswith("pipeline.")]:
        for name, value in list(vars(module).items()):
            if callable(value) and getattr(value, "__module__", "") == module.__name__ and hasattr(value, "__code__"):
                with contextlib.suppress(Exception):
                    setattr(module, name, atheris.instrument_func(value))

    def test(content: bytes) -> None:
        if trouble := one_input(reader, folder, content):
            raise RuntimeError(trouble)

    start = folder / "corpus"
    start.mkdir()
    for i, content in enumerate(seeds(reader)):
        (start / str(i)).write_bytes(content)
    atheris.Setup([sys.argv[0], str(start), f"-runs={count}", f"-artifact_prefix={folder}/", "-verbosity=0"], test)
    atheris.Fuzz()


def main(arguments: Sequence[str]) -> int:
    """Run every reader named (all by default) in a process of its own; say how many inputs it took in how long."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"of {', '.join(READERS)}")
    parser.add_argument("--inputs", type=int, default=100_000, help="over all readers (default 100,000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("fuzz"), help="folder for an input that failed")
    parser.add_argument("--guided", action="store_true", help="inputs chosen by atheris (pip install atheris)")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    unknown = set(options.readers) - set(READERS)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(READERS)}")
    if options.inside:
        (reader,) = options.readers
        count = -(-options.inputs * READERS[reader][2] // 100_000)
        guided(reader, count, options.inside) if options.guided else run(reader, count, options.seed, options.inside)
        return 0
    failed = 0
    for reader in options.readers or READERS:
        with tempfile.TemporaryDirectory() as scratch:
            again = [sys.executable, __file__, reader, "--inputs", str(options.inputs), "--seed", str(options.seed),
                     "--inside", scratch]
            start = time.perf_counter()
            code = subprocess.run(again + ["--guided"] * options.guided, check=False).returncode
            count = -(-options.inputs * READERS[reader][2] // 100_000)
            if code:
                failed = 1
                options.out.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(FileNotFoundError):
                    shutil.copy(Path(scratch) / READERS[reader][0], options.out / f"{reader}-{READERS[reader][0]}")
            verdict = f"FAILED (exit {code}), input in {options.out}" if code else "ok"
            print(f"{reader:18} {count:9,} inputs {time.perf_counter() - start:8.1f} s  {verdict}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
