"""A sentence as words, and the noun phrases that stand in it. Every step is linear."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pipeline.holders import words

#: What is read of a sentence, in characters: longer ones are lists or no prose.
LONGEST = 2000
#: Distinct words with their marks that are kept before the cache starts anew: bounds memory on endless input.
_MOST_PIECES = 1 << 15
_TOKEN = re.compile(r"""
    [^\W_]++(?=[ ,])                                                       # most words, seen first for speed
  | (?:[Hh]e|[Ss]he|[Tt]hey|[Ii]t|[Ww]ho|[Ww]e|[Yy]ou|I)(?='(?:s|d|ve|re|ll|m)\b)
  | '(?:s|d|ve|re|ll|m)\b
  | (?:[^\W\d_]\.){2,8}
  | (?:Sens?|Reps?|Govs?|Lt|Gen|Atty|Supt|Dr|Mrs?|Ms|Rev|Sgt|Capt|Col|Maj|Cmdr|Hon|Prof|Insp|Jr|Sr|St|Jan|Feb|Aug|Sept|Oct
     |Nov|Dec|Inc|Co|Corp|Assoc|Asst|Dept|Pres|Ald|Det|Adm|Brig|vs?)\.(?=\s)
  | [A-Z]\.(?=\s[A-Z])
  | \w+(?:[-'.&/]\w+)*(?:(?<=s)'(?=\s\w)|\.(?=[,;:]))?
  | [^\w\s]""", re.VERBOSE)
_FAMILIAR = frozenset(("close", "familiar", "briefed", "involved"))
_STOPPING = words.PREPOSITIONS | words.RELATIVES | words.AUXILIARIES
_ALONE = words.PRONOUNS | words.NOBODY
_LONE = words.NOBODY - words.DETERMINERS
_AFTER_VERB = words.PREPOSITIONS | words.DETERMINERS | words.ADVERBS | words.TIMES | {"to"}
_DATELINE = re.compile(r"""
    \*{0,2} (?: [A-Z][A-Zc]{2}[^—–()\d]{0,30} (?:\([^()]{1,40}\)\s?)? [—–-]{1,2}\s
      | \d{1,2}(?:[:.]\d\d)? \s? (?:[ap]\.m\.)? \s? (?:[A-Z]{2,3}\s)? \*{0,2} [—–:-]? \s
      | \d{1,3}[.)]\s | [—–•*-]\s )""", re.VERBOSE)
_NEVER_LAST = words.ARTICLES | {"his", "her", "its", "their", "our", "my", "this", "these"}
_LETTER = re.compile(r"[^\W\d_]")
_MARKS = re.compile(r"[\"“”()]")


@dataclass(frozen=True, slots=True)  # slots are read faster than the fields of a named tuple
class Token:
    """A word or a mark: as written, in small letters, whether it begins with a capital, is no word, may name a voice."""

    text: str
    word: str
    is_name: bool
    is_mark: bool
    is_cue: bool


@lru_cache(maxsize=1 << 14)  # news has few word types
def _token(text: str) -> Token:
    mark = len(text) == 1 and not text.isalnum() and text not in "&$"
    word = text.lower()
    return Token(text, word, text[0].isupper(), mark, word in words.CUES)


class _Pieces(dict[str, tuple[Token, ...]]):
    """The tokens of what stands between two blanks; none where they depend on what follows: "J. Doe", "states' laws"."""

    def __missing__(self, piece: str) -> tuple[Token, ...]:
        if len(self) >= _MOST_PIECES:
            self.clear()
        alone = _TOKEN.findall(piece)
        self[piece] = tuple(map(_token, alone)) if [*alone, "A"] == _TOKEN.findall(piece + " A") else ()
        return self[piece]


_pieces = _Pieces()


def tokens_of(masked: str) -> list[Token]:
    """Words and marks of what ``unquoted`` left."""
    found: list[Token] = []
    for piece in masked.split():
        tokens = _pieces[piece]
        if not tokens:
            return list(map(_token, _TOKEN.findall(masked)))
        found += tokens
    return found


def offsets(masked: str, tokens: Sequence[Token], start: int, end: int) -> tuple[int, int]:
    """Where the words from ``start`` to ``end`` stand, in characters: between tokens there are blanks only."""
    first = after = 0
    for i, token in enumerate(tokens[:end]):
        at = masked.find(token.text, after)
        after = at + len(token.text)
        if i == start:
            first = at
    return first, after


def unquoted(text: str) -> str:
    """The beginning of ``text``, each character in its place, with blanks for the dateline, brackets and quotations.

    Of a quotation one mark is left. A few words quoted in passing stay; so does a sentence that is one quotation.
    """
    text = text[:LONGEST]
    dateline = _DATELINE.match(text)
    begin = dateline.end() if dateline else 0
    if not _MARKS.search(text, begin):
        return " " * begin + _plain(text[begin:])
    parts = [" " * begin]
    at = begin
    for low, high in _left_out(text, begin):
        parts += [text[at:low], " " if text[low] == "(" else '"', " " * (high - low - 1)]
        at = high
    masked = _plain("".join([*parts, text[at:]]))
    return masked if _LETTER.search(masked) else " " * begin + _plain(text[begin:].replace('"', " "))


def _plain(text: str) -> str:
    return text if text.isascii() else text.replace("’", "'").replace("“", " ").replace("”", " ").replace("‘", " ")


def _left_out(text: str, begin: int) -> list[tuple[int, int]]:
    """Quotations and brackets, in order. One that is not closed goes on to the end; one only closed begins at the start."""
    places = [mark.start() for mark in _MARKS.finditer(text, begin)]
    found: list[tuple[int, int]] = []
    i = 0
    while i < len(places):
        low = places[i]
        mark = text[low]
        i += 1
        if mark == ")":
            continue
        if mark == "”":
            if not found:
                found.append((begin, low + 1))
            continue
        closing = ")" if mark == "(" else '"”'
        while i < len(places) and text[places[i]] not in closing:
            i += 1
        high = places[i] + 1 if i < len(places) else len(text)
        i += 1
        if mark == "(" or not _in_passing(text[low + 1:high - 1]):
            found.append((low, high))
    return found


def _in_passing(quoted: str) -> bool:
    return len(quoted) < 40 and quoted.count(" ") < 4 and not quoted.rstrip().endswith((",", ".", "?", "!"))


def noun_phrase(tokens: Sequence[Token], at: int, stop: int) -> tuple[int, int] | None:
    """Where the noun phrase that begins at ``at`` stands, without its article; it ends before ``stop`` at the latest."""
    while at < stop and tokens[at].word in words.ARTICLES:
        at += 1
    if at >= stop:
        return None
    if tokens[at].word in words.PRONOUNS:
        return at, at + 1
    end = at
    while end < stop and _goes_on(tokens, at, end, stop):
        end += 1
    while end > at and (tokens[end - 1].word in {"and", "of", "for", "or"} or tokens[end - 1].word in _NEVER_LAST
                        or tokens[end - 1].word in words.ADVERBS) and not (end - 1 == at and end - at == 1):
        end -= 1
    if end == at or (tokens[at].word in words.NOBODY and end - at == 1):
        return None
    return at, end


def _goes_on(tokens: Sequence[Token], begin: int, at: int, stop: int) -> bool:
    """Whether the word at ``at`` belongs to the phrase that began at ``begin``."""
    token = tokens[at]
    if token.is_mark or (token.word in _STOPPING and not (token.word in {"may", "will"} and token.is_name)):
        return False
    if at == begin:
        return token.word not in {"of", "for", "and", "&", "or"}
    before, after = tokens[at - 1], tokens[at + 1] if at + 1 < stop else None
    if token.word in {"of", "for", "and", "&", "or"}:
        return after is not None and (token.word == "of" or _joins(before, after) if token.word != "for" else
                                      before.word in words.AGENTS or (before.is_name and after.is_name))
    if token.word in words.ARTICLES or token.word in _ALONE:
        return before.word in {"of", "for", "and", "or", "&"}
    return not _ends(before, token, after)


def _ends(before: Token, token: Token, after: Token | None) -> bool:
    """Whether a phrase ends before ``token``: a time, an adverb, a verb."""
    if token.word in words.TIMES:
        return token.is_name or after is None or not after.is_name
    if token.is_name:
        return False
    if token.word in _FAMILIAR or (token.word == "named" and after is not None and after.is_name):
        return token.word != "named"
    if is_verbal(token):
        return token.word in words.VERBS or token.word in words.VERBAL or _ends_phrase(before, after)
    return token.word in words.ADVERBS or (token.word.endswith("ly") and (after is None or after.is_mark))


def is_verbal(token: Token) -> bool:
    """Whether a word looks like a verb that has a subject."""
    word = token.word
    return (word in words.AUXILIARIES or word in words.VERBAL or (word.endswith("ed") and len(word) > 4 and "-" not in word)
            or (word in words.VERBS and word not in words.NOUNS and words.VERBS[word].form != "base"
                and not token.is_name))


def _ends_phrase(before: Token, after: Token | None) -> bool:
    """Whether a word in -ed between these two is a verb: "Jenkins rejected the", "survey commissioned by"."""
    return after is None or after.is_mark or after.word in _AFTER_VERB or (before.is_name and not after.is_name)


def _joins(before: Token, after: Token) -> bool:
    if after.is_mark or after.word in words.AUXILIARIES or after.word in _LONE:
        return after.word in {"his", "her", "their", "its"}
    if after.word in words.VERBS and not after.is_name:
        return False
    return after.is_name or after.word in words.DETERMINERS or after.word.isdigit() or not before.is_name
