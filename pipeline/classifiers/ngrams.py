"""TF-IDF rows of word and character n-grams: scikit-learn's numbers, computed once per word type.

scikit-learn cuts every sentence into n-grams anew. Its ``char_wb`` n-grams never cross a word, so the n-grams of a word
type can be looked up once and reused; word bigrams are pairs of word ids. What is left per sentence is a few dictionary
look-ups, and the counting is done in numpy for a whole batch. ``tests/test_ngrams.py`` holds the parity.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pipeline.task import FloatArray

Ids = NDArray[np.int64]

#: scikit-learn's default token pattern: two or more word characters.
_WORD = re.compile(r"(?u)\b\w\w+\b")
_NONE = np.empty(0, dtype=np.int64)
#: Distinct words kept in the cache of character n-grams before it starts anew: bounds memory on endless input.
_CACHE_LIMIT = 50_000


class WordNgrams:
    """Unigrams and bigrams of words. ``vocabulary`` maps an n-gram (words joined by a space) to its column."""

    def __init__(self, vocabulary: dict[str, int], idf: FloatArray) -> None:
        self.idf = idf
        words = sorted({word for ngram in vocabulary for word in ngram.split(" ")})
        self._ids = {word: i for i, word in enumerate(words)}
        self._column = np.full(len(words), -1, dtype=np.int64)
        pairs: list[tuple[int, int]] = []
        for ngram, column in vocabulary.items():
            first, _, second = ngram.partition(" ")
            if second:
                pairs.append((self._ids[first] * len(words) + self._ids[second], column))
            else:
                self._column[self._ids[first]] = column
        pairs.sort()
        self._pair_keys = np.array([key for key, _ in pairs], dtype=np.int64)
        self._pair_columns = np.array([column for _, column in pairs], dtype=np.int64)

    def counts(self, texts: Sequence[str]) -> tuple[Ids, Ids]:
        """Row and column of every n-gram found in the lower-cased ``texts``, one entry an occurrence."""
        look_up = self._ids.get
        tokens = [[look_up(word, -1) for word in _WORD.findall(text)] for text in texts]
        flat, rows = _flatten(tokens)
        known = flat >= 0
        columns = np.where(known, self._column[flat], -1) if len(self._column) else np.full(len(flat), -1)
        keep = columns >= 0
        pair_rows, pair_columns = self._pairs(flat, rows)
        return np.concatenate([rows[keep], pair_rows]), np.concatenate([columns[keep], pair_columns])

    def _pairs(self, flat: Ids, rows: Ids) -> tuple[Ids, Ids]:
        if not len(self._pair_keys) or len(flat) < 2:
            return _NONE, _NONE
        together = (rows[:-1] == rows[1:]) & (flat[:-1] >= 0) & (flat[1:] >= 0)
        keys = flat[:-1][together] * len(self._column) + flat[1:][together]
        at = np.minimum(np.searchsorted(self._pair_keys, keys), len(self._pair_keys) - 1)
        found = self._pair_keys[at] == keys
        return rows[:-1][together][found], self._pair_columns[at[found]]


class CharNgrams:
    """Character n-grams inside words (scikit-learn's ``char_wb``), of ``shortest`` to ``longest`` characters."""

    def __init__(self, vocabulary: dict[str, int], idf: FloatArray, shortest: int, longest: int) -> None:
        self.idf = idf
        self._vocabulary = vocabulary
        self._sizes = range(shortest, longest + 1)
        self._cache: dict[str, Ids] = {}

    def counts(self, texts: Sequence[str]) -> tuple[Ids, Ids]:
        """Row and column of every n-gram found in the lower-cased ``texts``, one entry an occurrence."""
        if len(self._cache) > _CACHE_LIMIT:
            self._cache.clear()
        cache = self._cache
        found: list[Ids] = []
        sizes: list[int] = []
        for text in texts:
            before = len(found)
            for word in text.split():
                ids = cache.get(word)
                if ids is None:
                    ids = cache[word] = self._of_word(word)
                found.append(ids)
            sizes.append(sum(map(len, found[before:])))
        columns = np.concatenate(found) if found else _NONE
        return np.repeat(np.arange(len(texts)), sizes), columns

    def _of_word(self, word: str) -> Ids:
        padded = f" {word} "
        ids = []
        for size in self._sizes:
            ids += [self._vocabulary.get(padded[at:at + size], -1) for at in range(max(1, len(padded) - size + 1))]
            if len(padded) <= size:
                break  # a short word is counted once
        return np.array([i for i in ids if i >= 0], dtype=np.int64)


def tfidf(blocks: Sequence[WordNgrams | CharNgrams], texts: Iterable[str]) -> sparse.csr_matrix:
    """TF-IDF matrix of shape (texts, all columns): sublinear counts times idf, each block's rows of length 1."""
    lowered = [text.lower() for text in texts]
    return sparse.hstack([_weigh(block, lowered) for block in blocks], format="csr")


def _weigh(block: WordNgrams | CharNgrams, texts: Sequence[str]) -> sparse.csr_matrix:
    rows, columns = block.counts(texts)
    width = len(block.idf)
    cells, counts = np.unique(rows * width + columns, return_counts=True)
    rows, columns = np.divmod(cells, width) if width else (_NONE, _NONE)
    values = (1.0 + np.log(counts)) * block.idf[columns]
    norms = np.sqrt(np.bincount(rows, weights=values * values, minlength=len(texts)))
    values /= norms[rows]
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(texts)))])
    return sparse.csr_matrix((values, columns, starts), shape=(len(texts), width))


def _flatten(tokens: list[list[int]]) -> tuple[Ids, Ids]:
    sizes = [len(row) for row in tokens]
    flat = np.fromiter((i for row in tokens for i in row), dtype=np.int64, count=sum(sizes))
    return flat, np.repeat(np.arange(len(tokens)), sizes)
