"""Scoring: every input row is scored or rejected with a reason, and a rerun goes on where it stopped."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from pipeline.batch import Summary, score_batch
from pipeline.calibrate import Calibration
from pipeline.classifiers.tfidf import TfidfConfig
from pipeline.engines.local import run_local
from pipeline.errors import InputError, OutputError
from pipeline.model import Model, save_model
from pipeline.score import Options
from pipeline.task import Examples, Sentence, Task

TEXT = "Officials met on Monday. The judge blocked the order.\n\nAgents arrested 40 people."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, task: Task) -> Path:
    """A small TF-IDF model."""
    sentences = [Sentence("The judge blocked the order."), Sentence("Agents arrested people."), Sentence("Build the wall.")]
    targets = {"stance": np.eye(3)[[1, 2, 0]], "policy": np.array([[0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0]], dtype=float)}
    classifier = TfidfConfig(min_count=1).build(task)
    classifier.fit(Examples(sentences, targets, np.ones(3), ["a", "b", "c"]), Examples([], targets, np.ones(0), []))
    folder = tmp_path_factory.mktemp("model") / "small"
    save_model(Model("small", task, classifier.config, classifier, Calibration(), {}, {"stance": 0.4}, "none"), folder)
    return folder


def score(inputs: list[Path], out: Path, model: Path, **options: Any) -> Summary:
    return score_batch([str(path) for path in inputs], out, model, Options(**options), run_local)


def read_rejects(out: Path) -> list[tuple[str, int, str]]:
    lines = (out / "rejects.jsonl").read_text().splitlines()
    return [(Path(r["source"]).name, r["row"], r["reason"]) for r in map(json.loads, lines)]


def test_every_format_gives_the_same_rows(tmp_path: Path, model: Path) -> None:
    """One article as text, JSONL, packed JSONL, CSV and Parquet gets the same sentences, offsets and labels."""
    record = {"id": "x", "text": TEXT, "title": "", "date": "2025-01-02"}
    (tmp_path / "x.txt").write_text(TEXT)
    (tmp_path / "x.jsonl").write_text(json.dumps(record) + "\n")
    (tmp_path / "x2.jsonl.gz").write_bytes(gzip.compress(json.dumps(record).encode()))
    with pa.CompressedOutputStream(str(tmp_path / "x3.jsonl.zst"), "zstd") as packed:
        packed.write(json.dumps(record).encode())
    (tmp_path / "x.csv").write_text('id,text\nx,"' + TEXT + '"\n')
    parquet.write_table(pa.Table.from_pylist([record]), tmp_path / "x.parquet")
    files = sorted(path for path in tmp_path.iterdir() if path.name.startswith("x"))
    assert len(files) == 6
    outcomes = []
    for i, path in enumerate(files):
        assert score([path], tmp_path / f"out{i}", model).sentences == 3
        outcomes.append(parquet.read_table(tmp_path / f"out{i}/part-00000.parquet").drop_columns("article").to_pylist())
    assert all(rows == outcomes[0] for rows in outcomes)
    for row in outcomes[0]:
        assert TEXT[row["start"]:row["end"]] == row["text"]


def test_rows_hold_the_promised_columns(tmp_path: Path, model: Path) -> None:
    """Columns come in the order of the design: where, text, labels, flag, probabilities, model, codebook, holder."""
    (tmp_path / "a.txt").write_text(TEXT)
    score([tmp_path / "a.txt"], tmp_path / "out", model)
    table = parquet.read_table(tmp_path / "out/part-00000.parquet")
    assert table.column_names == [
        "article", "sentence_index", "start", "end", "text", "stance", "stance_score", "policy", "uncertain",
        "stance/support", "stance/oppose", "stance/neutral", "policy/enforcement", "policy/wall",
        "policy/sanctuary_funding", "policy/judiciary", "model", "codebook", "holder", "holder_start", "holder_end"]
    articles = parquet.read_table(tmp_path / "out/articles.parquet").to_pylist()[0]
    assert articles["sentences"] == 3
    assert articles["stance/support"] + articles["stance/oppose"] + articles["stance/neutral"] == pytest.approx(1)
    assert not (tmp_path / "out/.work").exists()


def test_bad_input_is_rejected_with_its_reason_and_the_rest_is_scored(tmp_path: Path, model: Path) -> None:
    """Empty, binary, wrongly encoded, broken and oversized inputs are named; good ones beside them are scored."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a-good.txt").write_text(TEXT)
    (folder / "b-empty.txt").write_bytes(b"")
    (folder / "c-binary.txt").write_bytes(b"\x00\x01\x02")
    (folder / "d-latin.txt").write_bytes("Un café à Paris, déjà fermé.".encode("latin-1"))
    (folder / "e.jsonl").write_text('{"id": "good", "text": "Hello there."}\n{"text": \n{"id": 7}\n[1]\n'
                                    '{"id": "long", "text": "' + "x" * 50_000_000 + '"}\n{"id": "last", "text": "Bye."}\n')
    (folder / "f.csv").write_text("id,body\n1,Hello\n")
    (folder / "g.parquet").write_bytes(b"PAR1 not really")
    (folder / "h.html").write_text("<html><body></body></html>")
    done = score([folder], tmp_path / "out", model)
    assert done.articles == 3
    rejects = read_rejects(tmp_path / "out")
    assert [(name, row) for name, row, _ in rejects] == [
        ("b-empty.txt", 0), ("c-binary.txt", 0), ("d-latin.txt", 0), ("e.jsonl", 2), ("e.jsonl", 3), ("e.jsonl", 4),
        ("e.jsonl", 5), ("f.csv", 2), ("h.html", 0), ("g.parquet", 0)]
    reasons = [reason for _, _, reason in rejects]
    for reason, start in zip(reasons, [
            "empty file", "binary, not text", "not UTF-8 (byte 0xe9 at 6)", "not JSON", "column 'text' is missing; the "
            "row has id", "JSON list, not an object", "line of 50000027 bytes is longer than the 10000000 allowed",
            "column 'text' is missing; the row has id, body", "no article text found", "cannot be read: not Parquet"],
            strict=True):
        assert reason.startswith(start)


def test_standard_input_and_packed_files_keep_their_names(
        tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows and rejects name what the user gave, not the copy that was made of it."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    (tmp_path / "p.jsonl.gz").write_bytes(gzip.compress(b'{broken\n{"text": "Hello."}\n'))
    score_batch(["-", str(tmp_path / "p.jsonl.gz")], tmp_path / "out", model, Options(), run_local)
    names = parquet.read_table(tmp_path / "out/articles.parquet")["article"].to_pylist()
    assert names == ["stdin", f"{tmp_path}/p.jsonl.gz:2"]
    assert read_rejects(tmp_path / "out")[0][:2] == ("p.jsonl.gz", 1)


def test_columns_can_be_named(tmp_path: Path, model: Path) -> None:
    """Other column names are read through the mapping."""
    (tmp_path / "a.csv").write_text("key,body,headline\nk1,Hello there.,Title\n")
    columns = {"id": "key", "text": "body", "title": "headline"}
    assert score([tmp_path / "a.csv"], tmp_path / "out", model, columns=columns).articles == 1
    assert parquet.read_table(tmp_path / "out/articles.parquet")["article"].to_pylist() == ["k1"]


def test_chunks_cut_a_large_file_without_losing_a_row(
        tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of many chunks gives every article once, in order, with the row numbers of the whole file."""
    monkeypatch.setattr("pipeline.inputs.CHUNK_BYTES", 300)
    rows = [json.dumps({"id": f"r{i}", "text": f"Number {i}, “quoted”."}) for i in range(50)]
    rows[30] = "broken"
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    (tmp_path / "b.csv").write_text("id,text\n" + "".join(f'c{i},"Line one.\nLine ""two"" {i}."\n' for i in range(50)))
    done = score([tmp_path / "a.jsonl", tmp_path / "b.csv"], tmp_path / "out", model)
    assert len(list((tmp_path / "out").glob("part-*.parquet"))) > 10
    names = parquet.read_table(tmp_path / "out/articles.parquet")["article"].to_pylist()
    assert names == [f"r{i}" for i in range(50) if i != 30] + [f"c{i}" for i in range(50)]
    assert read_rejects(tmp_path / "out")[0][:2] == ("a.jsonl", 31)
    assert done.rejects == 1


def test_whole_articles_that_repeat_are_flagged(tmp_path: Path, model: Path) -> None:
    """The second of two equal articles names the first."""
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"id": n, "text": TEXT}) + "\n" for n in "xy"))
    score([tmp_path / "a.jsonl"], tmp_path / "out", model)
    assert parquet.read_table(tmp_path / "out/articles.parquet")["duplicate_of"].to_pylist() == [None, "x"]


def test_a_repeat_is_flagged_across_row_groups(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Articles are merged a row group at a time, and one that repeats an article of the first group is still known."""
    monkeypatch.setattr("pipeline.inputs.CHUNK_BYTES", 60)
    monkeypatch.setattr("pipeline.merge._ROW_GROUP", 2)
    texts = ["It rained.", "It snowed.", "Agents met.", "It froze.", "It rained.", "Judges met.", "It rained."]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"id": f"a{i}", "text": t}) + "\n" for i, t in enumerate(texts)))
    score([tmp_path / "a.jsonl"], tmp_path / "out", model)
    merged = parquet.ParquetFile(tmp_path / "out/articles.parquet")
    assert merged.num_row_groups > 1
    table = merged.read()
    assert table["article"].to_pylist() == [f"a{i}" for i in range(7)]
    assert table["duplicate_of"].to_pylist() == [None, None, None, None, "a0", None, "a0"]


def test_a_rerun_changes_nothing_and_another_job_is_refused(tmp_path: Path, model: Path) -> None:
    """The same batch again keeps every byte; other input, options or model for the same folder is an error."""
    (tmp_path / "a.txt").write_text(TEXT)
    score([tmp_path / "a.txt"], tmp_path / "out", model)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    score([tmp_path / "a.txt"], tmp_path / "out", model)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    with pytest.raises(OutputError, match="holds a batch with another options: format was 'parquet', is 'csv'"):
        score([tmp_path / "a.txt"], tmp_path / "out", model, format="csv")
    (tmp_path / "a.txt").write_text("Something else.")
    with pytest.raises(OutputError, match="holds a batch with another inputs"):
        score([tmp_path / "a.txt"], tmp_path / "out", model)


def test_a_folder_with_other_things_is_not_written_to(tmp_path: Path, model: Path) -> None:
    """An output folder that holds someone's files is refused."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.docx").write_text("mine")
    (tmp_path / "a.txt").write_text(TEXT)
    with pytest.raises(OutputError, match=r"holds 'thesis.docx' but no manifest.json"):
        score([tmp_path / "a.txt"], tmp_path / "out", model)


def test_input_that_leads_nowhere_is_an_error(tmp_path: Path, model: Path) -> None:
    """A missing path and an unknown ending are named."""
    with pytest.raises(InputError, match=r"nothing.jsonl: no such file or folder"):
        score([tmp_path / "nothing.jsonl"], tmp_path / "out", model)
    (tmp_path / "a.docx").write_text("x")
    with pytest.raises(InputError, match=r"ending '.docx' is not one of .txt, .html"):
        score([tmp_path / "a.docx"], tmp_path / "out2", model)


def test_csv_cells_are_defused_on_request(tmp_path: Path, model: Path) -> None:
    """With the option, a cell that a spreadsheet would run begins with an apostrophe; without it, text is untouched."""
    (tmp_path / "a.txt").write_text("=HYPERLINK(1) is what he wrote.")
    score([tmp_path / "a.txt"], tmp_path / "plain", model, format="csv")
    score([tmp_path / "a.txt"], tmp_path / "safe", model, format="csv", defuse=True)
    assert ",=HYPERLINK(1) is" in (tmp_path / "plain/part-00000.csv").read_text()
    assert ",'=HYPERLINK(1) is" in (tmp_path / "safe/part-00000.csv").read_text()


def test_processes_give_what_one_gives(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two worker processes write the same bytes as this one alone."""
    monkeypatch.setattr("pipeline.inputs.CHUNK_FILES", 2)
    folder = tmp_path / "in"
    folder.mkdir()
    for i in range(6):
        (folder / f"{i}.txt").write_text(f"{TEXT} Number {i}.")
    for workers in (1, 2):
        score_batch([str(folder)], tmp_path / f"out{workers}", model, Options(), lambda jobs, n=workers: run_local(jobs, n))
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / f"out{n}").iterdir()} for n in (1, 2))
    assert one == two
