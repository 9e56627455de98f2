"""Articles to sentences with exact character offsets."""

from functools import cache
from typing import Any

from pipeline.articles import Article
from pipeline.task import Sentence


@cache
def _segmenter() -> Any:
    import nupunkt

    return nupunkt


def spans(text: str) -> list[tuple[int, int]]:
    """Start and end of every sentence of ``text``, trimmed of white space, in order and without overlap."""
    found = []
    at = 0
    for line in text.split("\n"):
        if line.strip():
            for start, end in _segmenter().sent_spans(line):
                piece = line[start:end]
                trimmed = piece.strip()
                if trimmed:
                    first = at + start + piece.index(trimmed[0])
                    found.append((first, first + len(trimmed)))
        at += len(line) + 1
    return found


def sentences_of(article: Article) -> list[Sentence]:
    """Every sentence of ``article``, each with the one before it and the title."""
    out: list[Sentence] = []
    previous = ""
    for index, (start, end) in enumerate(spans(article.text)):
        text = article.text[start:end]
        out.append(Sentence(text, previous, article.title, article.id, index, start, end))
        previous = text
    return out
