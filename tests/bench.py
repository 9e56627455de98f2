"""Speed and memory against peers, measured in one run and interleaved: `make bench` writes docs/bench.md.

Run as ``python tests/bench.py OUT``, with trained models in ``models/``. Peers that are not installed are named as missing.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from pipeline.config import load_config
from pipeline.corpus import read_corpus
from pipeline.model import load_model
from pipeline.results import processor
from pipeline.task import Sentence, Task

ROUNDS = 5
STANCE = Path(sys.executable).parent / "stance"
Way = Callable[[list[Sentence]], object]


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


def tfidf_ways(folder: Path, sentences: list[Sentence]) -> dict[str, Way]:
    """A plain scikit-learn pipeline with the same features, ours, and fastText where it is installed."""
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfVectorizer

    model = load_model(folder)
    ours = model.classifier
    vectorizers = []
    for name, kind in (("words", {"ngram_range": (1, 2)}), ("chars", {"analyzer": "char_wb", "ngram_range": (3, 5)}),
                       ("context", {})):
        vocabulary = ours._vocabularies[name]  # type: ignore[attr-defined]
        vectorizer = TfidfVectorizer(sublinear_tf=True, vocabulary=vocabulary, **kind)
        vectorizer.idf_ = ours.blocks_[name].idf  # type: ignore[attr-defined]
        vectorizers.append(vectorizer)

    def plain(rows: list[Sentence]) -> object:
        texts, contexts = [s.text for s in rows], [s.context for s in rows]
        features = sparse.hstack([vectorizers[0].transform(texts), vectorizers[1].transform(texts),
                                  0.3 * vectorizers[2].transform(contexts)], format="csr")
        return [features @ coef.T for coef in ours.coef_.values()]  # type: ignore[attr-defined]

    ways: dict[str, Way] = {"scikit-learn, same features": plain, "TF-IDF model": model.predict_proba}
    try:
        import fasttext
    except ImportError:
        return ways
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as data:
        data.writelines(f"__label__{i % 3} {s.text}\n" for i, s in enumerate(sentences))
        data.flush()
        fast = fasttext.train_supervised(data.name, wordNgrams=2, epoch=1, verbose=0)
    ways["fastText (other features)"] = lambda rows: fast.predict([s.text.replace("\n", " ") for s in rows])
    return ways


def transformer_ways(folder: Path, cascade: Path) -> dict[str, Way]:
    """``transformers.pipeline``, a torch loop sorted by length, ours, and the cascade when it was trained."""
    import torch
    from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline

    encoder = folder / "weights/encoder"
    model = load_model(folder)
    shown = model.config.context
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    peer = AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=7)
    classify = pipeline("text-classification", model=peer, tokenizer=tokenizer, device="cpu", batch_size=32, top_k=None)
    bare = AutoModel.from_pretrained(encoder).eval()

    def piped(rows: list[Sentence]) -> object:
        return classify([{"text": s.text, "text_pair": s.context} if shown else s.text for s in rows], truncation=True)

    def looped(rows: list[Sentence]) -> None:
        order = sorted(rows, key=lambda s: -len(s.text) - shown * len(s.context))
        with torch.inference_mode():
            for at in range(0, len(order), 32):
                part = order[at:at + 32]
                pair = [s.context for s in part] if shown else None
                bare(**tokenizer([s.text for s in part], pair, padding=True, truncation=True, max_length=128,
                                 return_tensors="pt"))

    ways: dict[str, Way] = {"transformers.pipeline, batch 32": piped, "torch float32, sorted": looped,
                            "transformer model": model.predict_proba}
    if cascade.exists():
        ways["cascade"] = load_model(cascade).predict_proba
    return ways


def whole_runs(folder: Path, sentences: list[Sentence]) -> list[list[Any]]:
    """`stance score` from JSONL to Parquet at growing sizes: seconds, sentences a second, peak memory of all processes."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for size in (10_000, 100_000, 1_000_000):
            source, out = Path(scratch) / f"{size}.jsonl", Path(scratch) / f"out{size}"
            with source.open("w") as articles:
                for at in range(0, size, 20):
                    text = " ".join(f"{sentences[(at + i) % len(sentences)].text} ({at + i})" for i in range(20))
                    articles.write(json.dumps({"id": str(at), "text": text}) + "\n")
            command = [str(STANCE), "score", str(source), "--out", str(out), "--model", str(folder), "--quiet"]
            start = time.perf_counter()
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            subprocess.run(command, check=True, capture_output=True)
            seconds = time.perf_counter() - start
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            done = json.loads((out / "manifest.json").read_text())["sentences"]
            note = f"{'' if peak > before else 'at most '}{peak / 1024:,.0f}"
            rows.append([f"{done:,}", f"{seconds:.1f}", f"{done / seconds:,.0f}", note])
            source.unlink()
    return rows


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
    whole = whole_runs(tfidf, sentences)  # first: a child's peak counts from the size of the process that starts it
    limit = matrix_limit()
    lines = [
        "# Speed and memory", "", f"Written by `make bench` on {processor()}; medians of {ROUNDS} interleaved rounds. "
        "Read the ratios: absolute figures drift with the machine.", "",
        "## TF-IDF, sentences in, probabilities out, one core", "",
        tabulate(interleaved(tfidf_ways(tfidf, sentences), sentences * 4), rate, "github"), "",
        "## Transformer, sentences in, probabilities out", "",
        tabulate(interleaved(transformer_ways(transformer, Path("models/cascade")), sentences[:512]), rate, "github"), "",
        f"Matrix products alone reach {limit['float32']:.0f} (float32) and {limit['bfloat16']:.0f} (bfloat16) billion "
        "multiply-adds a second here.", "",
        "## `stance score`, articles in, Parquet out, TF-IDF, start-up included", "",
        tabulate(whole, ["sentences", "seconds", "sentences a second",
                         "peak memory of the largest process, MiB"], "github"), "",
        "## One article, cold", "",
        tabulate([["TF-IDF", f"{cold_start(tfidf):.2f}"], ["transformer", f"{cold_start(transformer):.2f}"]],
                 ["model", "seconds"], "github"), ""]
    out.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    main(Path(sys.argv[1]))
