"""Crashes: processes are killed at random points, the disk fills up; nothing is lost and nothing doubled."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

STANCE = Path(sys.executable).parent / "stance"
KILLS = 30
ARTICLES = 3000


@pytest.fixture(scope="module")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Parquet file of fifteen row groups (a chunk each) and a JSONL file with a broken line."""
    folder = tmp_path_factory.mktemp("in")
    rows = [{"id": f"a{i}", "text": " ".join(f"Sentence {at} of {i} says a judge met {at * i % 977} agents at the wall."
                                             for at in range(30))} for i in range(ARTICLES)]
    pq.write_table(pa.Table.from_pylist(rows), folder / "many.parquet", row_group_size=ARTICLES // 15)
    (folder / "z.jsonl").write_text(json.dumps({"id": "z", "text": "The end."}) + "\n{broken\n")
    return folder


def command(articles: Path, model: Path, out: Path) -> list[str]:
    return [str(STANCE), "score", str(articles), "--out", str(out), "--model", str(model), "--quiet"]


def contents(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def test_thirty_kills_at_random_points_change_no_byte(articles: Path, model: Path, tmp_path: Path) -> None:
    """Whenever all processes of a batch are killed, running the command again ends in the very same files."""
    whole = tmp_path / "whole"
    started = time.monotonic()
    assert subprocess.run(command(articles, model, whole), check=False).returncode == 1  # one line is broken
    duration = time.monotonic() - started
    expected = contents(whole)
    assert sum(name.startswith("part-") for name in expected) == 16
    rng = random.Random(7)
    kills = 0
    for attempt in range(100):
        out = tmp_path / f"out{attempt}"
        while kills < KILLS:
            process = subprocess.Popen(command(articles, model, out), start_new_session=True)
            try:
                process.wait(rng.uniform(0.2, duration))
                break
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                kills += 1
        assert subprocess.run(command(articles, model, out), check=False).returncode == 1
        assert contents(out) == expected
        if kills >= KILLS:
            break
    assert kills == KILLS
    ids = [row["article"] for row in pq.read_table(whole / "articles.parquet", columns=["article"]).to_pylist()]
    assert ids == [*(f"a{i}" for i in range(ARTICLES)), "z"]


def test_a_full_disk_ends_in_one_line_and_keeps_what_was_written(articles: Path, model: Path, tmp_path: Path) -> None:
    """On a disk with no room left the command says so with exit code 2; with room again it goes on to the same result."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(disk)], check=True)
    try:
        done = subprocess.run(command(articles, model, disk / "out"), capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "No space left on device" in done.stderr
        assert done.stderr.count("\n") == 1
        for part in (disk / "out").glob("part-*.parquet"):
            pq.read_table(part)
        subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
        assert subprocess.run(command(articles, model, disk / "out"), check=False).returncode == 1
        assert subprocess.run(command(articles, model, tmp_path / "whole"), check=False).returncode == 1
        assert contents(disk / "out") == contents(tmp_path / "whole")
    finally:
        subprocess.run(["umount", str(disk)], check=False)


def test_an_output_folder_that_cannot_be_written_is_one_line(model: Path, tmp_path: Path) -> None:
    """Writing below a file, not a folder, is named and ends with exit code 2."""
    (tmp_path / "a.txt").write_text("Hello.")
    asked = command(tmp_path / "a.txt", model, tmp_path / "a.txt/out")
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "Not a directory" in done.stderr
