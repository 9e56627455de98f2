"""The fast n-grams are scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from pipeline.classifiers.ngrams import CharNgrams, WordNgrams, tfidf

TEXTS = ["The judge blocked the order, and the order stood.", "ICE agents arrested 41 people on Tuesday.",
         "“We won’t help,” the mayor said — again.", "a U.S. border-wall plan", "Niño año İstanbul", "it is it is it is"]
LETTERS = st.text(alphabet="aeist THWJ.,'“’-\n\tñİ0", max_size=60)


@pytest.fixture(scope="module")
def fitted() -> tuple[TfidfVectorizer, TfidfVectorizer]:
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(TEXTS)
    chars = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True).fit(TEXTS)
    return words, chars


@given(texts=st.lists(st.one_of(LETTERS, st.sampled_from(TEXTS)), max_size=6))
def test_rows_equal_those_of_scikit_learn(fitted: tuple[TfidfVectorizer, TfidfVectorizer], texts: list[str]) -> None:
    """For any texts, the matrix equals that of the two vectorizers side by side."""
    words, chars = fitted
    blocks = [WordNgrams(words.vocabulary_, words.idf_), CharNgrams(chars.vocabulary_, chars.idf_, 3, 5)]
    ours = tfidf(blocks, texts).toarray()
    if texts:
        theirs = sparse.hstack([words.transform(texts), chars.transform(texts)]).toarray()
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
    assert ours.shape == (len(texts), len(words.idf_) + len(chars.idf_))
