"""Speed and memory against peers, measured in one run and interleaved: `make bench` writes docs/bench.md.

Run as ``python tests/bench.py OUT``, with trained models in ``models/``. Peers that are not installed are named as missing.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from peers import Way, tfidf_ways, token_ids, transformer_ways
from tabulate import tabulate

from pipeline.config import load_config
from pipeline.corpus import read_corpus
from pipeline.model import load_model
from pipeline.results import processor
from pipeline.task import Sentence, Task

ROUNDS = 5
STANCE = Path(sys.executable).parent / "stance"
#: Starts a command and prints the peak of its largest process. Small itself: a child's peak counts from its parent's size.
STARTER = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
           "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
SIZES = (10_000, 100_000, 1_000_000)


class Run(NamedTuple):
    """One command: sentences, seconds, and the peak memory of its largest process in MiB."""

    sentences: int
    seconds: float
    peak: float


def interleaved(ways: dict[str, Way], sentences: list[Sentence]) -> list[list[Any]]:
    """Median sentences a second of each way over ROUNDS rounds in turn, and the ratio to the first."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way(sentences[:64])
    for _ in range(ROUNDS):
        for name, way in ways.items():
            start = time.perf_counter()
            way(sentences)
            rates[name].append(len(sentences) / (time.perf_counter() - start))
    first = np.array(next(iter(rates.values())))
    return [[name, f"{np.median(found):,.0f}", f"{np.median(np.array(found) / first):.2f}"] for name, found in rates.items()]


def write_articles(sentences: list[Sentence], size: int, source: Path) -> None:
    """About ``size`` sentences in articles of twenty, no two of them the same."""
    with source.open("w") as articles:
        for at in range(0, size, 20):
            text = " ".join(f"{sentences[(at + i) % len(sentences)].text} ({at + i})" for i in range(20))
            articles.write(json.dumps({"id": str(at), "text": text}) + "\n")


def scored(source: Path, out: Path, folder: Path, engine: str = "local") -> Run:
    """One `stance score`, with the peak of its largest process."""
    command = [str(STANCE), "score", str(source), "--out", str(out), "--model", str(folder), "--engine", engine, "--quiet"]
    start = time.perf_counter()
    peak = subprocess.run([sys.executable, "-c", STARTER, *command], check=True, capture_output=True, text=True).stdout
    seconds = time.perf_counter() - start
    return Run(json.loads((out / "manifest.json").read_text())["sentences"], seconds, int(peak) / 1024)


def whole_runs(folder: Path, sentences: list[Sentence], sizes: tuple[int, ...] = SIZES) -> tuple[str, str]:
    """`stance score` from JSONL to Parquet at growing sizes: the table, and how cost and memory grow from first to last."""
    runs = []
    with tempfile.TemporaryDirectory() as scratch:
        for size in sizes:
            source = Path(scratch) / f"{size}.jsonl"
            write_articles(sentences, size, source)
            runs.append(scored(source, Path(scratch) / f"out{size}", folder))
            source.unlink()
    cost = [run.seconds / run.sentences for run in runs]
    rows = [[f"{run.sentences:,}", f"{run.seconds:.1f}", f"{1 / each:,.0f}", f"{each / cost[0]:.2f}", f"{run.peak:,.0f}"]
            for run, each in zip(runs, cost, strict=True)]
    table = tabulate(rows, ["sentences", "seconds", "sentences a second", "cost of a sentence, ratio to the first row",
                            "peak memory of the largest process, MiB"], "github")
    return table, (f"From the first row to the last, peak memory grows by a factor of {runs[-1].peak / runs[0].peak:.2f}, "
                   f"and a sentence costs {cost[-1] / cost[0]:.2f} times as much.")


def engines(folder: Path, sentences: list[Sentence], size: int = 250_000) -> str:
    """The local engine and Ray on the same cores and input; start-up is what an article a core takes."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        one, many = Path(scratch) / "one", Path(scratch) / "many.jsonl"
        one.mkdir()
        for core in range(os.cpu_count() or 1):
            write_articles(sentences, 20, one / f"{core}.jsonl")
        write_articles(sentences, size, many)
        for engine in ("local", "ray"):
            start = scored(one, Path(scratch) / f"{engine}1", folder, engine).seconds
            run = scored(many, Path(scratch) / engine, folder, engine)
            apart = max(run.seconds - start, 1e-9)
            rows.append([engine, f"{run.seconds:.1f}", f"{start:.1f}", f"{apart:.1f}", f"{run.sentences / apart:,.0f}"])
    return tabulate(rows, ["engine", "seconds", "of them start-up", "without it", "sentences a second without it"], "github")


def multiply_adds(folder: Path, sentences: list[Sentence]) -> float:
    """Billions of multiply-adds that the encoder needs for a sentence, without padding: its products of matrices."""
    from transformers import AutoConfig

    model = load_model(folder)
    shape = AutoConfig.from_pretrained(folder / "weights/encoder")
    wide, inner, layers = shape.hidden_size, shape.intermediate_size, shape.num_hidden_layers
    tokens = np.array([len(ids) for ids in token_ids(model, sentences)])
    return float((layers * (tokens * (4 * wide**2 + 2 * wide * inner) + 2 * tokens**2 * wide)).mean() / 1e9)


def cold_start(folder: Path) -> float:
    """Seconds from the shell to one scored article, median of ROUNDS."""
    taken = []
    with tempfile.TemporaryDirectory() as scratch:
        article = Path(scratch) / "a.txt"
        article.write_text("The judge blocked the order. Agents arrested 40 people.")
        for i in range(ROUNDS):
            start = time.perf_counter()
            command = [str(STANCE), "score", str(article), "--out", f"{scratch}/o{i}", "--model", str(folder), "--quiet"]
            subprocess.run(command, check=True, capture_output=True)
            taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def matrix_limit() -> dict[str, float]:
    """Billions of multiply-adds a second of a matrix product the shape of the encoder's, by number format."""
    import torch

    rates = {}
    for name, kind in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        a, b = torch.randn(2048, 384).to(kind), torch.randn(384, 1536).to(kind)
        a @ b
        start = time.perf_counter()
        for _ in range(200):
            a @ b
        rates[name] = 200 * 2048 * 384 * 1536 / (time.perf_counter() - start) / 1e9
    return rates


def main(out: Path) -> None:
    """Measure everything and write the page."""
    task = load_config("configs/task.yaml", Task)
    sentences = read_corpus(["seeds"], task).examples("test").sentences
    tfidf, transformer = Path("models/tfidf"), Path("models/transformer")
    rate = ["way", "sentences a second", "ratio"]
    (whole, growth), (slow, _) = whole_runs(tfidf, sentences), whole_runs(transformer, sentences, SIZES[:1])
    cluster = engines(tfidf, sentences)
    limit = matrix_limit()
    ways = interleaved(transformer_ways(transformer, Path("models/cascade")), sentences[:512])
    needed = multiply_adds(transformer, sentences[:512])
    reached = needed * next(float(row[1].replace(",", "")) for row in ways if row[0] == "transformer model")
    lines = [
        "# Speed and memory", "", f"Written by `make bench` on {processor()}; medians of {ROUNDS} interleaved rounds. "
        "Read the ratios: absolute figures drift with the machine.", "",
        "## TF-IDF, sentences in, probabilities out, one core", "",
        tabulate(interleaved(tfidf_ways(tfidf, sentences), sentences * 4), rate, "github"), "",
        "## Transformer, sentences in, probabilities out", "",
        tabulate(ways, rate, "github"), "",
        f"Matrix products alone reach {limit['float32']:.0f} (float32) and {limit['bfloat16']:.0f} (bfloat16) billion "
        f"multiply-adds a second here. A sentence needs {needed:.2f} billion, so the transformer reaches "
        f"{reached / max(limit.values()):.0%} of the higher limit.", "",
        "## `stance score`, articles in, Parquet out, TF-IDF, start-up included", "", whole, "", growth, "",
        "## The same with the transformer", "", slow, "",
        "## Local engine and Ray, same cores, TF-IDF", "", cluster, "",
        "## One article, cold", "",
        tabulate([["TF-IDF", f"{cold_start(tfidf):.2f}"], ["transformer", f"{cold_start(transformer):.2f}"]],
                 ["model", "seconds"], "github"), ""]
    out.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    main(Path(sys.argv[1]))
