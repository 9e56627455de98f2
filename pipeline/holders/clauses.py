"""How a verb is used: as a noun or a verb, active or passive, after which words of its clause."""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.holders import words
from pipeline.holders.phrases import Token
from pipeline.holders.words import Verb

BREAKS = frozenset(',;:—–"-.?!|…')
_NO_ADVERB = words.listed("""
    family italy july emily kelly molly sally billy assembly elderly ally monthly weekly daily reply supply fly apply
    friendly holy jolly rally""")
#: With these an act is a duty or a possibility, not a decision.
_DUTIES = words.listed("must should could can may might mustn't shouldn't couldn't can't")
#: Verbs whose past goes on with "of" or "by" without being a passive.
_OF = words.listed("say tell think warn write approve disapprove complain speak despair begin")
_AHEAD = words.PROSPECTS | {"to"}
_LEADS = words.PREPOSITIONS | words.SUBORDINATORS | words.JOINERS | words.TIMES
_BEFORE_OBJECT = words.DETERMINERS | {"that", "to", '"'}
_JOINING = frozenset(("and", "or", "but"))
_STATING = frozenset(("say", "call", "accuse", "sign"))
_MARKS = frozenset((",", "—", "–", '"'))
_AFTER_NOUN = frozenset(("of", "is", "are", "was", "were", "and", "or"))
_AFTER_HEADLINE = words.PREPOSITIONS | {".", "and"}
_PLURALS = words.listed("""
    people they police men women i we you who that voters many some most others percent majority too""")
#: Steps walked to the left from a verb, which bounds the work on a sentence without commas.
_FAR = 60


class Clause(NamedTuple):
    """What stands before a verb: its stretch between two marks, and how the verb is used."""

    start: int
    last: int
    passive: bool
    participial: bool
    leads: bool

    @staticmethod
    def of(tokens: Sequence[Token], at: int, verb: Verb) -> "Clause | None":
        """The clause of the verb at ``at``, None where it is a noun, an infinitive or a participle without a subject."""
        after = _next_word(tokens, at)
        if tokens[at].word == "say" and at and tokens[at - 1].word == "to" and after == "that":
            return Clause(0, at - 1, False, True, False)
        last, helpers = _helpers(tokens, at) if _may_govern(tokens, at, verb, after) else (None, set())
        if last is None or not _is_verb(tokens, at, verb, after, helpers):
            return None
        being = not helpers.isdisjoint(words.BE)
        if verb.form == "ing" and not being:
            before = tokens[at - 1].word if at else "without"
            if not (before in _MARKS or (verb.lemma in _STATING and before != "without")):
                return None
            return Clause(0, at - 1, False, True, False)
        passive = being and verb.form in {"past", "participle"} and helpers.isdisjoint(_AHEAD)
        if verb.form == "participle" and not helpers:
            return None
        start = start_of(tokens, last)
        return Clause(start, last, passive, False, only_adjuncts(tokens, start))

    def is_main(self, tokens: Sequence[Token]) -> bool:
        """Whether no word puts the clause under another one."""
        first = self.start
        while first <= self.last and tokens[first].word in words.JOINERS:
            first += 1
        return not any(t.word in words.SUBORDINATORS for t in tokens[first:self.last + 1])


def _helpers(tokens: Sequence[Token], at: int) -> tuple[int | None, set[str]]:
    """Where the subject's stretch ends before the verb, and the auxiliaries in between. None for a bare infinitive."""
    found: set[str] = set()
    i = at - 1
    while i >= 0 and at - i < 12:
        word = tokens[i].word
        if word == "to":
            if i == 0 or not (tokens[i - 1].word in words.PROSPECTS or tokens[i - 1].word in words.BE):
                return None, found
            found.add("to")
        elif (word in words.AUXILIARIES and not (tokens[i].is_name and i)) or (word in words.PROSPECTS and "to" in found):
            found.add(word)
        elif not (is_adverb(tokens[i]) or (word in words.TIMES and i > 0)):
            break
        i -= 1
    return i, found


def is_adverb(token: Token) -> bool:
    """Whether a word may stand between a subject and its verb."""
    word = token.word
    return word in words.ADVERBS or (word.endswith("ly") and word not in _NO_ADVERB and not token.is_name)


def _may_govern(tokens: Sequence[Token], at: int, verb: Verb, after: str) -> bool:
    """Whether a verb that counts before certain words only stands before one of them."""
    wanted = words.AFTER.get(verb.lemma)
    return wanted is None or after in wanted or after == '"' or (
        tokens[at].word == "found" and at > 0 and tokens[at - 1].is_name and after.isdigit())


def _is_verb(tokens: Sequence[Token], at: int, verb: Verb, after: str, helpers: set[str]) -> bool:
    """Whether a form that may be a noun or an adjective is used as the verb here."""
    if not helpers.isdisjoint(_DUTIES) or (not verb.speaks and verb.form != "base" and "would" in helpers):
        return False
    if not helpers.isdisjoint(words.MODALS):
        return True
    before = tokens[at - 1] if at else None
    if verb.form == "base" and (before is None or before.word in _JOINING or not (
            _is_plural(before) or (before.is_name and after in _BEFORE_OBJECT))):
        return False
    if verb.form in {"past", "participle"} and not helpers and after in {"by", "of"} and verb.lemma not in _OF:
        return False
    return tokens[at].word not in words.NOUNS or _is_no_noun(tokens, at, verb, after, bool(helpers))


def _is_no_noun(tokens: Sequence[Token], at: int, verb: Verb, after: str, helped: bool) -> bool:
    """Whether a word that may be a noun follows someone and goes before an object."""
    before = tokens[at - 1] if at else None
    if before is None or before.word in words.DETERMINERS or before.word.endswith(("'s", "s'")) or after in _AFTER_NOUN:
        return False
    if verb.form == "s" and after in words.VERBS and after not in words.NOUNS:
        return False
    if before.is_name and verb.form == "base" and after in _AFTER_HEADLINE:
        return False
    someone = before.word in words.PRONOUNS or before.is_name or _is_plural(before)
    return someone or helped or (verb.form == "s" and after in _BEFORE_OBJECT and before.word not in _JOINING)


def _next_word(tokens: Sequence[Token], at: int) -> str:
    """The word after the verb, past a time such as "on Monday"."""
    i = at + 1
    while i + 1 < len(tokens) and (tokens[i].word in words.TIMES or (tokens[i].word in {"in", "on"}
                                   and tokens[i + 1].word in words.TIMES)):
        i += 1
    return tokens[i].word if i < len(tokens) else "."


def _is_plural(token: Token) -> bool:
    word = token.word
    return (word.endswith(("s", "men")) and not word.endswith(("ss", "'s", "us"))) or word in _PLURALS or token.is_mark \
        or is_adverb(token)


def start_of(tokens: Sequence[Token], last: int) -> int:
    """Where the stretch without a mark begins that ends with ``last``."""
    i = last
    while i >= 0 and last - i < _FAR and tokens[i].text not in BREAKS:
        i -= 1
    return i + 1


def only_adjuncts(tokens: Sequence[Token], start: int) -> bool:
    """Whether before ``start`` there is only a phrase such as "On Monday," or "After the vote,"."""
    first = tokens[0].word if tokens else ""
    if not start:
        return True
    begins = first in _LEADS or is_adverb(tokens[0])
    return begins and sum(token.text in BREAKS for token in tokens[:start]) == 1
