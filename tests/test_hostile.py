"""Hostile input: what fuzzing found stays found, small files that grow are refused, and formulas stay text."""

import csv
import gzip
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from pipeline import unpack
from pipeline.articles import Article, Reject
from pipeline.batch import _is_finished, _read_summary
from pipeline.challenge import read_cases
from pipeline.cli.common import read_challenge
from pipeline.config import load_config, read_yaml
from pipeline.corpus import read_corpus
from pipeline.errors import ConfigError, DataError, ModelError, OutputError, PipelineError
from pipeline.gate import Gate
from pipeline.inputs import find_inputs, plan, read_chunk
from pipeline.model import read_description
from pipeline.report import read_batch
from pipeline.review import read_items
from pipeline.review.exchange import from_export, read_sheet, write_sheet
from pipeline.task import Head, Task

FUZZ = Path(__file__).with_name("fuzz.py")
TASK = Task(name="t", codebook="1", heads={"side": Head(kind="one", labels=("for", "-1")),
                                           "topics": Head(kind="many", labels=("tax", "=road"))})


def test_some_thousand_broken_inputs_do_no_harm(tmp_path: Path) -> None:
    """Every reader takes its share of six thousand broken inputs without a crash, a hang or a stray error."""
    done = subprocess.run([sys.executable, str(FUZZ), "--inputs", "6000", "--out", str(tmp_path)], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def read(path: Path) -> list[Article | Reject]:
    chunks, rejects = plan(find_inputs([str(path)]), path.parent / "unpacked")
    return [*rejects, *(item for chunk in chunks for item in read_chunk(chunk, {}))]


def reasons(path: Path) -> list[str]:
    return [item.reason if isinstance(item, Reject) else "" for item in read(path)]


FOUND_ARTICLES: list[tuple[str, bytes, str]] = [
    ("a.jsonl", b'{"text": "A.", "x": ' + b"9" * 5000 + b"}", "not JSON: Exceeds the limit (4300 digits)"),
    ("a.jsonl", b'{"text": "A.", "x": ' + b"[" * 100_000, "not JSON: nested too deeply"),
    ("a.jsonl", b'{"text": "half \\ud83d"}', "'\\ud83d' is half of a character"),
    ("a.csv", b"te\rxt,a\nA.,b\n", "the header is not CSV"),
    ("a.parquet", b"PAR1" + b"\xff" * 40 + b"\x08\0\0\0PAR1", "not Parquet"),
]


@pytest.mark.parametrize(("name", "content", "reason"), FOUND_ARTICLES)
def test_articles_that_once_broke_the_reader_are_rejects(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    """Numbers too long, lists too deep, halves of characters, line ends in a header, a broken footer."""
    (tmp_path / name).write_bytes(content)
    (found,) = reasons(tmp_path / name)
    assert reason in found
    assert "\n" not in found


def test_parquet_that_breaks_midway_gives_its_good_rows_and_one_reject(tmp_path: Path) -> None:
    """Text that is no UTF-8 ends a row group with a reject that names the row; nested columns are read."""
    text = pa.StringArray.from_buffers(2, pa.py_buffer(b"\0\0\0\0\x05\0\0\0\x07\0\0\0"), pa.py_buffer(b"Good.\xff\xfe"))
    parquet.write_table(pa.table({"text": text, "tags": [["a"], []]}), tmp_path / "a.parquet")
    good, bad = read(tmp_path / "a.parquet")
    assert isinstance(good, Article)
    assert isinstance(bad, Reject)
    assert (good.text, bad.row) == ("Good.", 2)


@pytest.mark.parametrize("ending", ["txt.gz", "html.zst"])
def test_packed_documents_are_read(tmp_path: Path, ending: str) -> None:
    """A text or a page may be packed, too."""
    text = b"The road is closed." if ending == "txt.gz" else b"<html><body><article><p>The road is closed.</p></article>"
    packed = gzip.compress(text) if ending.endswith("gz") else pa.compress(text, codec="zstd", asbytes=True)
    (tmp_path / f"a.{ending}").write_bytes(packed)
    (found,) = read(tmp_path / f"a.{ending}")
    assert isinstance(found, Article)
    assert found.text.strip() == "The road is closed."


ROW = b'{"text": "A.", "side": "for", "topics": []'
FOUND_LABELLED: list[tuple[str, bytes, str]] = [
    ("l.jsonl", ROW + b', "index": 1e400}', "index inf is not a whole number"),
    ("l.jsonl", ROW + b', "x": ' + b"9" * 5000 + b"}", "not JSON"),
    ("l.jsonl", ROW + b', "x": ' + b"[" * 100_000, "nested too deeply"),
    ("l.jsonl", ROW + b', "event": "\\ud800"}', "half of a character"),
    ("l.csv", b'text,side,topics\n,for,\n', "is not a sentence"),
    ("l.csv", b'"text","x\ny"\n,1\n', "known columns here: text, x y"),
    ("l.csv", b"text,side,topics\nA,for," + b"x" * 10_000_001 + b"\n", "not CSV"),
    ("l.csv", b"text,side,topics\nA.,for,[" + b"[" * 100_000 + b"\n", "is not one of"),
    ("l.parquet", b"PAR1" + b"\xff" * 40 + b"\x08\0\0\0PAR1", "l.parquet: "),
]


@pytest.mark.parametrize(("name", "content", "message"), FOUND_LABELLED)
def test_labelled_files_that_once_broke_the_reader_are_errors(tmp_path: Path, name: str, content: bytes,
                                                              message: str) -> None:
    """Each ends in a DataError of one line."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as error:
        read_corpus([tmp_path / name], TASK)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


FOUND_OTHERS: list[tuple[str, bytes, Callable[[Path], object], type[PipelineError]]] = [
    ("c.jsonl", b"\xff", lambda p: read_cases(p, TASK), DataError),
    ("c.jsonl", b"[" * 100_000, lambda p: read_cases(p, TASK), DataError),
    ("e.json", b"[" * 100_000, lambda p: from_export(TASK, p), DataError),
    ("e.json", b'[{"annotations": [{"result": [{"type": "choices", "from_name": "side", "value": {"choices": ["for"]}}]}], '
     b'"data": {}}]', lambda p: from_export(TASK, p), DataError),
    ("e.json", b'[{"annotations": [3], "data": {}}]', lambda p: from_export(TASK, p), DataError),
    ("e.json", b'[{"annotations": [{"result": [null]}], "data": {}}]', lambda p: from_export(TASK, p), DataError),
    ("s.csv", b"id,side,topics\n1,for,\n", lambda p: read_sheet(TASK, p, "me"), DataError),
    ("s.csv", b"text,side,topics\n" + b"x" * 20_000_000, lambda p: read_sheet(TASK, p, "me"), DataError),
    ("i.jsonl", b"[" * 100_000, read_items, DataError),
    ("i.jsonl", b'{"text": "\\ud800"}', read_items, DataError),
    ("t.yaml", b"a: 2024-99-99", read_yaml, ConfigError),
    ("t.yaml", b"a: " + b"[" * 100_000, read_yaml, ConfigError),
    ("t.yaml", b"a: !!int ''", read_yaml, ConfigError),
    ("t.yaml", b"a: &a [*a]", read_yaml, ConfigError),
    ("model.json", b"[" * 100_000, lambda p: read_description(p.parent), ModelError),
    ("manifest.json", b"[]", lambda p: read_batch(p.parent), OutputError),
    ("manifest.json", b"[]", lambda p: _is_finished(p.parent, {}), OutputError),
    ("manifest.json", b"[" * 100_000, lambda p: _is_finished(p.parent, {}), OutputError),
    ("manifest.json", b'{"articles": 1}', lambda p: _read_summary(p.parent), OutputError),
]


@pytest.mark.parametrize(("name", "content", "reader", "kind"), FOUND_OTHERS)
def test_other_files_that_once_broke_their_reader_are_errors(
        tmp_path: Path, name: str, content: bytes, reader: Callable[[Path], object], kind: type[PipelineError]) -> None:
    """Cases, exports, sheets, settings, models and manifests: each ends in an error of its kind and of one line."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(kind) as error:
        reader(tmp_path / name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"\xff", b"{", b"[]", b'{"expect": 3}', b"[" * 100_000])
def test_a_broken_file_of_cases_is_an_error_of_every_command(tmp_path: Path, content: bytes) -> None:
    """The first line decides whether the cases are this task's, and may be anything."""
    (tmp_path / "c.jsonl").write_bytes(content)
    with pytest.raises(DataError, match=r"c\.jsonl"):
        read_challenge(str(tmp_path / "c.jsonl"), TASK)


def test_a_case_may_hold_any_line_end_of_unicode(tmp_path: Path) -> None:
    """Only a line feed ends a case."""
    (tmp_path / "c.jsonl").write_text('{"id": "c", "capability": "x", "kind": "minimum", "text": "A\u2028B", '
                                      '"expect": {"side": "for"}}\n', encoding="utf-8")
    assert read_cases(tmp_path / "c.jsonl", TASK)[0].text == "A\u2028B"


def test_a_number_too_long_to_show_is_named_all_the_same(tmp_path: Path) -> None:
    """A whole number of more digits than Python writes is one line of error, also where a setting should be a word."""
    (tmp_path / "t.yaml").write_text("task: 0x" + "f" * 5000)
    with pytest.raises(ConfigError, match=r"t\.yaml: task int too long to show: .*string"):
        load_config(tmp_path / "t.yaml", Gate)


def test_yaml_aliases_may_not_multiply(tmp_path: Path) -> None:
    """Thirty lines that stand for a billion values are refused with the limit; ordinary aliases are fine."""
    lines = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 31))]
    (tmp_path / "t.yaml").write_text("\n".join(lines))
    with pytest.raises(ConfigError, match="more than the 1000000 values allowed"):
        read_yaml(tmp_path / "t.yaml")
    (tmp_path / "t.yaml").write_text("a: &a [x]\nb: *a\n")
    assert read_yaml(tmp_path / "t.yaml") == {"a": ["x"], "b": ["x"]}


def test_parquet_with_wrong_statistics_does_not_end_the_process(tmp_path: Path) -> None:
    """A footer whose histograms have the wrong length is a reject and a DataError, in a process that lives on."""
    shutil.copy(Path(__file__).parent / "data/histogram.parquet", tmp_path / "a.parquet")
    assert all("histogram" in reason for reason in reasons(tmp_path / "a.parquet"))
    with pytest.raises(DataError, match="histogram"):
        read_corpus([tmp_path / "a.parquet"], TASK)


def growing(ending: str, size: int) -> bytes:
    zeros = b"\0" * size
    return gzip.compress(zeros) if ending == "gz" else bytes(pa.compress(zeros, codec="zstd", asbytes=True))


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_packed_file_that_grows_too_far_is_one_reject(tmp_path: Path, ending: str,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    """The reject names the limit, and nothing stays on the disk."""
    monkeypatch.setattr(unpack, "FREE", 1_000_000)
    (tmp_path / f"a.jsonl.{ending}").write_bytes(growing(ending, 50_000_000))
    (reason,) = reasons(tmp_path / f"a.jsonl.{ending}")
    assert "more than the 1000000 and 200 times the packed size that are allowed" in reason
    assert list((tmp_path / "unpacked").iterdir()) == []


def test_a_packed_document_is_read_no_further_than_allowed(tmp_path: Path) -> None:
    """A packed text of 50 MB is refused after 10 MB."""
    (tmp_path / "a.txt.gz").write_bytes(growing("gz", 50_000_000))
    assert reasons(tmp_path / "a.txt.gz") == ["file is longer than the 10000000 bytes allowed"]


def test_parquet_that_grows_too_far_is_one_reject(tmp_path: Path) -> None:
    """A row group whose footer says that it grows 200 times beyond 100 MB is refused before it is read."""
    text = pa.array(["x" * 1_000_000] * 150)
    parquet.write_table(pa.table({"text": text}), tmp_path / "a.parquet", compression="zstd", use_dictionary=False)
    (reason,) = reasons(tmp_path / "a.parquet")
    assert "more than the 100000000 and 200 times the packed size that are allowed" in reason


LIMITED = """
import resource, sys
from pathlib import Path
import numpy, pyarrow, pyarrow.parquet, pyarrow.dataset
from pipeline.articles import Article
from pipeline.inputs import find_inputs, plan, read_chunk
spent = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (spent + 400_000_000, spent + 400_000_000))
chunks, rejects = plan(find_inputs([sys.argv[1]]), Path(sys.argv[1]).parent / "unpacked")
count = 0
for chunk in chunks:
    for item in read_chunk(chunk, {}):
        count += isinstance(item, Article)
        rejects += [] if isinstance(item, Article) else [item]
print(count, *(reject.reason for reject in rejects))
"""


def limited(path: Path) -> str:
    """What a process prints that reads ``path`` with 400 MB of memory beyond what the libraries take."""
    done = subprocess.run([sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(("name", "start", "reason"), [
    ("a.txt", b"", "0 file is longer than the 10000000 bytes allowed"),
    ("a.jsonl", b'{"text": "', "0 line of 800000010 bytes is longer than the 10000000 allowed"),
    ("a.csv", b"text\nA.\n",
     "1 cannot be read: row 3 is longer than the 10000000 bytes allowed; is a quotation mark left open?"),
    ("a.csv", b'text\n"',
     "0 cannot be read: row 2 is longer than the 10000000 bytes allowed; is a quotation mark left open?"),
])
def test_an_endless_line_takes_little_memory(tmp_path: Path, name: str, start: bytes, reason: str) -> None:
    """One line of 800 MB is one reject that names the limit, in 400 MB of memory; rows before it are read."""
    with (tmp_path / name).open("wb") as out:
        out.write(start)
        for _ in range(800):
            out.write(b"x" * 1_000_000)
    assert limited(tmp_path / name) == reason


def test_parquet_that_repeats_by_reference_takes_little_memory(tmp_path: Path) -> None:
    """Two thousand rows that share one text of 5 MB come one by one, not as 10 GB."""
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), pa.array(["x" * 5_000_000]))
    parquet.write_table(pa.table({"text": text}), tmp_path / "a.parquet", compression="none",
                        dictionary_pagesize_limit=100_000_000)
    assert (tmp_path / "a.parquet").stat().st_size < 12_000_000
    assert limited(tmp_path / "a.parquet") == "2000"


def test_parquet_with_lying_sizes_is_a_reject_in_little_memory(tmp_path: Path) -> None:
    """A page that says it holds two gigabytes where it holds a thousand bytes ends in a reject."""
    out = io.BytesIO()
    parquet.write_table(pa.table({"text": ["a" * 1000]}), out, compression="zstd", use_dictionary=False,
                        write_statistics=False)
    honest = out.getvalue()
    size = parquet.ParquetFile(out).metadata.row_group(0).column(0).total_compressed_size
    assert size < 61  # so that this and three more are one byte in the footer, each number doubled there
    body, footer = honest[:4 + size], honest[4 + size:].replace(bytes([0x16, 2 * size]), bytes([0x16, 2 * size + 6]))
    lying = body.replace(b"\x15\0\x15\xe4\x0f", b"\x15\0\x15\xfe\xff\xff\xff\x0f", 1) + footer
    assert len(lying) == len(honest) + 3
    (tmp_path / "a.parquet").write_bytes(lying)
    assert re.match("0 cannot be read: .*(malloc|realloc|memory|ZSTD|decompress)", limited(tmp_path / "a.parquet"))


def test_a_description_too_long_is_refused(tmp_path: Path) -> None:
    """model.json is looked at before it is read."""
    with (tmp_path / "model.json").open("wb") as out:
        out.truncate(65 * 2**20)
    with pytest.raises(ModelError, match="more than the 67108864 allowed"):
        read_description(tmp_path)


@given(st.lists(st.text(alphabet="=+-@\t\r\n' \",;ab", min_size=1).filter(str.strip), min_size=1, max_size=4),
       st.sampled_from(["for", "-1"]), st.sets(st.sampled_from(["tax", "=road"])))
def test_a_sheet_runs_no_formula_and_comes_back_as_it_went(tmp_path_factory: pytest.TempPathFactory, texts: list[str],
                                                           side: str, topics: set[str]) -> None:
    """No cell begins as a formula does, and each text, label and title comes back as it was."""
    items = [{"id": text, "article": text, "index": 3, "title": text, "previous": text, "text": text,
              "model": {"side": side, "topics": sorted(topics)}} for text in texts]
    path = tmp_path_factory.mktemp("sheet") / "s.csv"
    write_sheet(TASK, items, path)
    with path.open(encoding="utf-8", newline="") as lines:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in csv.reader(lines) for cell in row)
    keys = ("id", "article", "index", "title", "previous", "text")
    for row, item in zip(read_sheet(TASK, path, "me"), items, strict=True):
        assert {key: row[key] for key in keys} == {key: item[key] for key in keys}
        assert (row["side"], row["topics"]) == (side, sorted(topics))
