"""Who says it: the holder of a sentence, that is, the speaker it names for what it says, or the body whose act it reports.

Rules over verbs, attributions and noun phrases, without a parser. The voice that holds the whole sentence wins: a
speaker's label, an attribution set apart by commas or quotes, else the first main clause with a verb of speech or deciding.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.holders import words
from pipeline.holders.clauses import Clause
from pipeline.holders.phrases import Token, noun_phrase, offsets, tokens_of, unquoted
from pipeline.holders.subjects import Phrase, agent, head_of, inverted, maker, subject

Span = tuple[int, int]

_LABEL = re.compile(r"((?:[A-Z][\w.'’-]{0,20}\s){0,4}[A-Z][A-Z.'’-]{2,20}(?:\s[A-Z'’-]{2,20})?)(?:, [A-Z]{3,12})?:\s")
_HEADED = re.compile(r"((?:[A-Z][\w.'’-]{1,20}\s){0,2}[A-Z][\w'’-]{2,20}):\s+[“\"‘A-Z]")
_NO_LABEL = re.compile(r"""(?i)(?:updat\w+|correct\w*|photos?|watch|read|opinion|editor.*|notes?|sources?|contact|locations?
    |trade|related|topics?|live|breaking|.*date|title|facts?|claims?|rating|ruling|verdict|questions?|answers?|for|by|in|on
    |votes?|analysis|listen|video|summary|case|subject|issue|what|where|why|who|how|when|the|this|results?|background|see
    |small|sample|more|also|next|still|then|but|and|so|here|new\ york|texas|washington|chicago|california)\b""", re.VERBOSE)
#: Acts of a body that "it" stands for; other acts are as often those of a law.
_ITS_ACTS = words.listed("plan appeal refuse decline announce sue vote propose seek decide rule intend file ask")
#: Acts that are also told after what was decided: "..., a federal judge ruled Wednesday".
_RULING = {"rule", "order", "decide"}
_AFTER_THOUGHT = words.TIMES | words.PREPOSITIONS - {"to"}


def find_holder(text: str) -> Span | None:
    """Start and end of the holder in ``text``, None where the writer speaks. Time is bounded for any text."""
    if ":" in text and (label := _label(text)):
        return label
    masked = unquoted(text)
    tokens = tokens_of(masked)
    best: tuple[int, Phrase] | None = None
    for rank, found in _candidates(tokens):
        if best is None or rank < best[0]:
            best = rank, found
            if rank == 1:
                break
    return offsets(masked, tokens, *best[1]) if best else None


def holder_columns(texts: Sequence[str]) -> dict[str, list[Any]]:
    """``holder`` of every text, null where the writer speaks; ``holder_start`` and ``holder_end``, equal where it is null.

    The offsets are never null, so that tables without nullable integers keep them whole.
    """
    known = {text: find_holder(text) for text in dict.fromkeys(texts)}
    spans = [known[text] or (0, 0) for text in texts]
    return {"holder": [text[slice(*span)] or None for text, span in zip(texts, spans, strict=True)],
            "holder_start": [start for start, _ in spans], "holder_end": [end for _, end in spans]}


def _label(text: str) -> Span | None:
    found = _LABEL.match(text) or (_HEADED.match(text) if not text.rstrip().endswith(".") else None)
    return found.span(1) if found and not _NO_LABEL.match(found.group(1)) else None


def _candidates(tokens: list[Token]) -> Iterator[tuple[int, Phrase]]:
    """Rank and phrase of voices, by place; the first of the lowest rank (1 to 3) holds the sentence."""
    main = False  # a main clause was found: only what stands apart outranks it
    for i in [i for i, token in enumerate(tokens) if token.is_cue]:
        token = tokens[i]
        if token.word == "according" and i + 2 < len(tokens) and tokens[i + 1].word == "to":
            found = noun_phrase(tokens, i + 2, len(tokens))
            if found:
                yield 1, maker(tokens, found)
        elif token.word in words.SOURCES:
            yield from _view(tokens, i)
        verb = words.VERBS.get(token.word)
        if verb is None or (token.is_name and i > 0 and not token.text.isupper()):
            continue
        if verb.speaks and (spoken := inverted(tokens, i, verb)):
            yield 1, spoken
            continue
        ends = (verb.speaks or verb.lemma in _RULING) and _ends_thought(tokens, i)
        clause = None if main and not ends else Clause.of(tokens, i, verb)
        if clause is None:
            continue
        if clause.passive:
            by = agent(tokens, i)
            if by and clause.is_main(tokens):
                yield 2, by
                main = True
        elif (found := subject(tokens, clause)) and _fits(head_of(tokens[found[0]:found[1]]), verb):
            apart = ends and _stands_apart(tokens, clause)
            yield 1 if apart else 3 if clause.participial else 2, maker(tokens, found)
            main = main or not (apart or clause.participial)


def _fits(head: Token, verb: words.Verb) -> bool:
    """Whether this subject does that: only a document shows, and none acts."""
    if head.word == "it" and not verb.speaks:
        return verb.lemma in _ITS_ACTS
    document = head.word in words.DOCUMENTS
    if verb.lemma in {"show", "indicate", "suggest"}:
        return document
    return not document or verb.speaks or head.is_name


def _view(tokens: list[Token], at: int) -> Iterator[tuple[int, Phrase]]:
    """ "In the view of the court": the phrase after "of"."""
    if at >= 2 and tokens[at - 2].word in {"in", "by"} and at + 2 < len(tokens) and tokens[at + 1].word == "of":
        found = noun_phrase(tokens, at + 2, len(tokens))
        if found:
            yield 1, found


def _ends_thought(tokens: list[Token], verb: int) -> bool:
    """Whether a mark, a time or a place follows the verb: ``..., the mayor said on Monday.``"""
    after = tokens[verb + 1] if verb + 1 < len(tokens) else None
    return after is None or after.is_mark or after.word in _AFTER_THOUGHT


def _stands_apart(tokens: list[Token], clause: Clause) -> bool:
    """Whether the clause follows what it attributes."""
    return bool(clause.start) and not clause.leads and tokens[clause.start].word not in {"and", "but"}
