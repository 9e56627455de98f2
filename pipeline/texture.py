"""What a corpus is like: balance, breadth, hard cases, templates, shortcuts, vocabulary. Pure functions on rows."""

import re
from collections import Counter
from typing import Any

import numpy as np

from pipeline.corpus import META, Corpus, Row

_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?|\d+")
#: A skeleton of five words says something only if so many of them are function words.
_TELLING = 3


def by_label(corpus: Corpus, key: str) -> list[list[Any]]:
    """For every value of a column of META: sentences, articles, and the share of each label of the one-of heads."""
    heads = [(name, label, i) for name, label, i in corpus.task.columns() if corpus.task.heads[name].kind == "one"]
    table: list[list[Any]] = []
    for value, count in Counter(row.meta.get(key, "") for row in corpus.rows).most_common():
        rows = [row for row in corpus.rows if row.meta.get(key, "") == value]
        shares = [np.mean([row.targets[name][i] >= 0.5 for row in rows]) for name, _, i in heads]
        table.append([value or "(none)", count, len({row.sentence.article for row in rows}), *map(float, shares)])
    return table


def cases(corpus: Corpus) -> list[tuple[str, int]]:
    """How many sentences were written as each kind of hard case."""
    return Counter(row.case for row in corpus.rows if row.case).most_common()


def combinations(corpus: Corpus) -> list[tuple[str, int]]:
    """How many sentences have each combination of labels of the many-of heads."""
    heads = [(name, head) for name, head in corpus.task.heads.items() if head.kind == "many"]
    found: Counter[str] = Counter()
    for row in corpus.rows:
        chosen = [label for name, head in heads
                  for label, share in zip(head.labels, row.targets[name], strict=True) if share >= 0.5]
        found[" + ".join(chosen) or "(none)"] += 1
    return found.most_common()


def lengths(rows: list[Row]) -> dict[str, float]:
    """Words a sentence: mean, and the 5th, 50th and 95th percentile."""
    words = [len(row.sentence.text.split()) for row in rows]
    low, middle, high = np.percentile(words, [5, 50, 95])
    return {"mean": float(np.mean(words)), "5%": float(low), "median": float(middle), "95%": float(high)}


def templated(rows: list[Row], often: float = 0.002) -> float:
    """Share of sentences with a skeleton of five words that occurs in more than ``often`` of all sentences.

    A skeleton keeps function words and blanks out the others; blanks that say nothing ("_ _ of _ _") do not count.
    """
    skeletons = [_skeletons(row.sentence.text) for row in rows]
    counts = Counter(skeleton for found in skeletons for skeleton in found)
    limit = max(2, often * len(rows))
    return float(np.mean([any(counts[s] > limit for s in found) for found in skeletons])) if rows else 0.0


def shortcuts(corpus: Corpus, seed: int = 0) -> list[list[Any]]:
    """How well each one-of head is told from what should not tell it: rows of head, clue, macro-F1, macro-F1 of chance.

    Cross-validated by event. A clue far above chance is a shortcut that a model could take.
    """
    from sklearn.dummy import DummyClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.preprocessing import OneHotEncoder

    groups = [row.event for row in corpus.rows]
    clues = {key: [row.meta.get(key, "")[:4] if key == "date" else row.meta.get(key, "") for row in corpus.rows]
             for key in META}
    clues["length"] = [str(min(len(row.sentence.text.split()) // 5, 10)) for row in corpus.rows]
    table: list[list[Any]] = []
    folds = GroupKFold(min(5, len(set(groups))))
    for name, head in corpus.task.heads.items():
        if head.kind != "one" or len(set(groups)) < 2:
            continue
        gold = np.array([np.argmax(row.targets[name]) for row in corpus.rows])
        chance = cross_val_predict(DummyClassifier(strategy="stratified", random_state=seed), np.zeros((len(gold), 1)), gold,
                                   groups=groups, cv=folds)
        for clue, values in clues.items():
            if len(set(values)) > 1:
                seen = OneHotEncoder(handle_unknown="ignore").fit_transform([[value] for value in values])
                model = LogisticRegression(class_weight="balanced", max_iter=500)
                guess = cross_val_predict(model, seen, gold, groups=groups, cv=folds)
                table.append([name, clue, float(f1_score(gold, guess, average="macro")),
                              float(f1_score(gold, chance, average="macro"))])
    return table


def unknown_words(rows: list[Row], real: list[Row]) -> float:
    """Share of the running words of ``real`` that never occur in ``rows``."""
    known = {word for row in rows for word in _words(row.sentence.text)}
    found = [word in known for row in real for word in _words(row.sentence.text)]
    return 1 - float(np.mean(found)) if found else 0.0


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _skeletons(text: str) -> set[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    words = [word if word in ENGLISH_STOP_WORDS else "_" for word in _words(text)]
    grams = (words[i:i + 5] for i in range(len(words) - 4))
    return {" ".join(gram) for gram in grams if sum(word != "_" for word in gram) >= _TELLING}
