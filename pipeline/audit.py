"""What is wrong with a corpus, or might be: near-duplicates, leaks, agreement, balance. Pure functions on rows."""

from itertools import combinations
from typing import Any

import numpy as np

from pipeline.corpus import SPLITS, Corpus, Row
from pipeline.errors import DataError
from pipeline.task import encode_label

#: Similarity (0 to 100, rapidfuzz's ratio) from which two sentences count as near-duplicates.
NEAR = 90.0
#: Words below which a sentence is too short to give anything away ("Read more").
_SHORT = 6


def duplicates(corpus: Corpus, across: bool = False) -> list[tuple[Row, Row, float]]:
    """Pairs of near-duplicate sentences with their similarity: inside the splits, or ``across`` two of them.

    Candidates share most of their character n-grams (cosine of TF-IDF); rapidfuzz's ratio decides. Pairs that a minimal
    pair was written to be (case ``minimal-pair``) are left out inside a split.
    """
    from rapidfuzz import fuzz

    rows = [row for row in corpus.rows if len(row.sentence.text.split()) >= _SHORT]
    found = []
    for i, j in _candidates([row.sentence.text for row in rows]):
        a, b = rows[i], rows[j]
        if (a.split != b.split) is not across or (not across and a.case == b.case == "minimal-pair"):
            continue
        similarity = fuzz.ratio(a.sentence.text.lower(), b.sentence.text.lower())
        if similarity >= NEAR:
            found.append((a, b, float(similarity)))
    return found


def refuse_leaks(corpus: Corpus) -> None:
    """Raises DataError when a sentence of one split is nearly the same as one of another."""
    leaks = duplicates(corpus, across=True)
    if leaks:
        a, b, similarity = leaks[0]
        raise DataError(f"{a.where} ({a.split}) and {b.where} ({b.split}) are {similarity:.0f}% the same: "
                        f"{a.sentence.text[:80]!r}; put both in one event ({len(leaks)} such pairs)")


def label_counts(corpus: Corpus) -> list[list[Any]]:
    """Rows of head, label, sentences in each split, share of all."""
    total = max(len(corpus.rows), 1)
    table = []
    for name, head in corpus.task.heads.items():
        for i, label in enumerate(head.labels):
            counts = [sum(row.targets[name][i] >= 0.5 for row in corpus.part(split)) for split in SPLITS]
            table.append([name, label, *counts, sum(counts) / total])
    return table


def agreement(corpus: Corpus) -> list[list[Any]]:
    """Rows of head, label, Krippendorff's alpha, mean pairwise Cohen's kappa and number of doubly annotated sentences.

    A head of kind one has a line for the whole head (nominal) and one a label; a head of kind many one a label.
    """
    rows = [row for row in corpus.rows if len(row.annotations) > 1]
    table: list[list[Any]] = []
    if not rows:
        return table
    for name, head in corpus.task.heads.items():
        coded = _codings(rows, name, corpus)
        if head.kind == "one":
            whole = np.where(np.isnan(coded[:, :, 0]), np.nan, coded.argmax(2))
            table.append([name, "(all)", *_agree(whole), len(rows)])
        for i, label in enumerate(head.labels):
            table.append([name, label, *_agree(coded[:, :, i]), len(rows)])
    return table


def _codings(rows: list[Row], name: str, corpus: Corpus) -> Any:
    """Array of shape (annotators, rows, labels), NaN where an annotator did not see a row."""
    head = corpus.task.heads[name]
    people = sorted({str(note.get("by")) for row in rows for note in row.annotations})
    coded = np.full((len(people), len(rows), len(head.labels)), np.nan)
    for at, row in enumerate(rows):
        for note in row.annotations:
            if note.get(name) is not None:
                coded[people.index(str(note.get("by"))), at] = encode_label(head, name, note[name])
    return coded


def _agree(values: Any) -> tuple[float, float]:
    import krippendorff
    from sklearn.metrics import cohen_kappa_score

    seen = values[~np.isnan(values)]
    if len(np.unique(seen)) < 2:
        return float("nan"), float("nan")
    kappas = []
    for a, b in combinations(values, 2):
        both = ~np.isnan(a) & ~np.isnan(b)
        if both.any() and len(np.unique(np.concatenate([a[both], b[both]]))) > 1:
            kappas.append(cohen_kappa_score(a[both], b[both]))
    alpha = krippendorff.alpha(reliability_data=values, level_of_measurement="nominal")
    return float(alpha), float(np.mean(kappas)) if kappas else float("nan")


def _candidates(texts: list[str], least: float = 0.8) -> list[tuple[int, int]]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    if len(texts) < 2:
        return []
    matrix = TfidfVectorizer(analyzer="char_wb", ngram_range=(4, 4), dtype=np.float32).fit_transform(texts)
    pairs = []
    for start in range(0, len(texts), 1000):
        close = (matrix[start:start + 1000] @ matrix.T).tocoo()
        hit = close.data >= least
        pairs += [(start + i, j) for i, j in zip(close.row[hit].tolist(), close.col[hit].tolist(), strict=True)
                  if start + i < j]
    return pairs
