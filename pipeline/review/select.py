"""What to label next: sentences from a scored batch, picked for four reasons, none like another or like the corpus."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import OutputError
from pipeline.model import Model
from pipeline.review import Item
from pipeline.task import FloatArray, Sentence, Task

#: Shares of the picks: doubt of the model, disagreement with another model, unlike the other picks, pure chance.
SHARES = {"uncertain": 0.6, "disagreement": 0.2, "diverse": 0.1, "random": 0.1}
#: Similarity (0 to 100, rapidfuzz's ratio) from which two sentences are too alike to label both.
ALIKE = 85.0
#: Candidates that are looked at per pick and reason: enough to choose from, few enough to compare.
_DEPTH = 5


def read_scored(folder: Path, task: Task) -> list[Item]:
    """Distinct sentences of a scored batch in Parquet, with the preceding sentence and every probability."""
    import pyarrow.parquet as pq

    parts = sorted(folder.glob("part-*.parquet"))
    if not parts:
        raise OutputError(f"{folder}: no part-*.parquet; score with --format parquet first")
    titles = {}
    if (folder / "articles.parquet").exists():
        table = pq.read_table(folder / "articles.parquet", columns=["article", "title"]).to_pylist()
        titles = {row["article"]: row["title"] for row in table}
    items, seen = [], set()
    last: tuple[str, str] = ("", "")
    for part in parts:
        for row in pq.read_table(part).to_pylist():
            previous = last[1] if last[0] == row["article"] else ""
            last = (row["article"], row["text"])
            if row["text"] in seen:
                continue
            seen.add(row["text"])
            scores = {f"{h}/{label}": row[f"{h}/{label}"] for h, label, _ in task.columns()}
            items.append({"id": f"{row['article']}:{row['sentence_index']}", "article": row["article"],
                          "index": row["sentence_index"], "title": titles.get(row["article"], ""), "previous": previous,
                          "text": row["text"], "model": {h: row[h] for h in task.heads}, "scores": scores})
    return items


def select(task: Task, items: Sequence[Item], count: int, known: Sequence[str], other: Model | None = None,
           seed: int = 0) -> list[Item]:
    """``count`` of ``items``, each with ``why`` it was picked; none alike to another or to a ``known`` text.

    Doubt rests on the margin between the two most probable labels (Settles 2009) and counts more where rare labels are
    likely; disagreement is the largest difference of a probability between the batch's model and ``other``; diversity
    picks the sentence nearest each centre of a k-means.
    """
    rng = np.random.default_rng(seed)
    doubt = _doubts(task, items)
    order: dict[str, Any] = {"uncertain": (np.argsort(-doubt, kind="stable"), lambda i: f"doubt {doubt[i]:.2f}")}
    if other is not None:
        gap = _gaps(task, items, other)
        order["disagreement"] = (np.argsort(-gap, kind="stable"), lambda i: f"models differ by {gap[i]:.2f}")
    order["diverse"] = (_central([item["text"] for item in items], count, seed), lambda i: "unlike the others")
    order["random"] = (rng.permutation(len(items)), lambda i: "by chance")
    total = sum(SHARES[reason] for reason in order)
    picked: list[Item] = []
    taken: set[int] = set()
    texts = _Texts(known)
    for reason, (ranked, why) in order.items():
        wanted = len(picked) + round(count * SHARES[reason] / total)
        for i in ranked.tolist():
            if len(picked) >= min(wanted, count) if reason != "random" else len(picked) >= count:
                break
            if i not in taken and texts.add(items[i]["text"]):
                taken.add(i)
                picked.append({**items[i], "why": f"{reason}: {why(i)}"})
    return picked


class _Texts:
    """Texts so far; ``add`` refuses one that is nearly the same as another."""

    def __init__(self, known: Sequence[str]) -> None:
        self._by_word: dict[str, list[str]] = {}
        for text in known:
            self._keep(text)

    def add(self, text: str) -> bool:
        from rapidfuzz import fuzz, process

        near = {other for word in _rare_words(text) for other in self._by_word.get(word, ())}
        if process.extractOne(text.lower(), near, scorer=fuzz.ratio, score_cutoff=ALIKE):
            return False
        self._keep(text)
        return True

    def _keep(self, text: str) -> None:
        for word in _rare_words(text):
            self._by_word.setdefault(word, []).append(text.lower())


def _rare_words(text: str) -> list[str]:
    """The longest words: two texts that are nearly the same share at least one of them."""
    return sorted(set(text.lower().split()), key=lambda word: (-len(word), word))[:4]


def _doubts(task: Task, items: Sequence[Item]) -> FloatArray:
    """Mean over the heads of 1 minus the smallest margin, shape (items,); times how rare a one-of head's labels are.

    A label counts by the inverse of its mean probability in the batch, so that doubts about common labels, of which most
    sentences have one, do not crowd out the others. Measured with ``stance review study``, on valid.
    """
    doubts = []
    for name, head in task.heads.items():
        values = np.array([[item["scores"][f"{name}/{label}"] for label in head.labels] for item in items])
        values = values.reshape(len(items), len(head.labels))
        if head.kind == "one":
            ordered = np.sort(values, axis=1)
            share = values.mean(0)
            rarity = np.divide(values, share, out=np.zeros_like(values), where=share > 0).mean(1)
            doubts.append((1 - ordered[:, -1] + ordered[:, -2]) * rarity)
        else:
            doubts.append((1 - np.abs(2 * values - 1)).max(1))
    return np.asarray(np.mean(doubts, axis=0))


def _gaps(task: Task, items: Sequence[Item], other: Model) -> FloatArray:
    scores = other.predict_proba([Sentence(i["text"], i["previous"], i["title"]) for i in items])
    theirs = np.column_stack([scores[name][:, at] for name, _, at in task.columns()])
    ours = np.array([[item["scores"][f"{name}/{label}"] for name, label, _ in task.columns()] for item in items])
    return np.asarray(np.abs(ours - theirs).max(1))


def _central(texts: Sequence[str], count: int, seed: int) -> Any:
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.feature_extraction.text import TfidfVectorizer

    matrix = TfidfVectorizer(sublinear_tf=True).fit_transform(texts)
    model = MiniBatchKMeans(min(max(2, count * _DEPTH // 5), len(texts)), random_state=seed, n_init=1)
    return model.fit_transform(matrix).argmin(0)  # in the order of the centres, not of the batch


def known_texts(path: Path) -> list[str]:
    """Texts of a labelled JSONL file, unchecked: they only keep picks from repeating them."""
    return [json.loads(line).get("text", "") for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
