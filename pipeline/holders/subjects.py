"""Who does what a verb says: its subject, the agent of a passive, the speaker named after it."""

from collections.abc import Sequence
from itertools import pairwise

from pipeline.holders import words
from pipeline.holders.clauses import BREAKS, Clause, is_adverb, only_adjuncts, start_of
from pipeline.holders.phrases import Token, is_verbal, noun_phrase
from pipeline.holders.words import Verb

Phrase = tuple[int, int]

#: Verbs that take their speaker after them: "..., said the mayor".
_INVERTING = words.listed("""
    say answer argue add write ask explain note warn insist declare contend predict reply conclude recall tweet joke
    agree testify observe remark complain respond assert acknowledge announce boast recommend mutter shout yell quip
    urge grumble""")
_COMMAS = frozenset(",—–")
_BEFORE_SPEECH = frozenset(',"—–?!')
_SHARING = frozenset(("and", "but", "then", "or"))
_NO_SUBJECT = words.VERBAL | words.AUXILIARIES | words.JOINERS | words.PRONOUNS
_DESCRIBING = words.RELATIVES | words.PREPOSITIONS | words.DETERMINERS | {"of"}
_NO_HOLDER = words.PREPOSITIONS | words.SUBORDINATORS | words.TIMES
_OPENING = words.DETERMINERS | words.PRONOUNS
_ADJECTIVES = frozenset(("elected", "retired", "armed", "united", "unnamed", "appointed", "outnumbered", "divided"))
_CLOSED = words.PREPOSITIONS | words.ARTICLES | {"of", "and"}
_FOLLOWING = words.PREPOSITIONS | words.RELATIVES | words.TIMES | {"to", "for"}
_LEADING = words.JOINERS | words.TIMES
_AGO = frozenset(("earlier", "later", "ago"))
_QUANTIFIERS = frozenset(("both", "all", "each"))
_PERSONAL = words.PRONOUNS | {"it", "i", "we", "you"}
_MUTE = words.MUTE - words.DOCUMENTS
_UNDER = words.SUBORDINATORS - {"as"}
_THINGS = words.MUTE | words.DOCUMENTS
_SUBORDINATE = words.RELATIVES | _UNDER
_UNNAMED = words.NOBODY | words.TIMES
_NO_OPENING = words.PREPOSITIONS | {"sb", "hb", "ab", "h.r.", "s.b.", "having", "provided"}


def subject(tokens: Sequence[Token], clause: Clause) -> Phrase | None:
    """The noun phrase that does what the verb of ``clause`` says, None where it has none of its own."""
    if clause.participial:
        return _of_sentence(tokens)
    start, last = clause.start, clause.last
    if last < 0:
        return None
    if tokens[last].text in _COMMAS or tokens[last].text == '"':
        return _before_apposition(tokens, last)
    if start == last and start and tokens[last].word in _SHARING and tokens[start - 1].text == ",":
        return _of_sentence(tokens)
    if tokens[last].text in BREAKS:
        return None
    found = _in_stretch(tokens, start, last)
    return _with_list(tokens, start, found) if found else None


def _of_sentence(tokens: Sequence[Token]) -> Phrase | None:
    """The phrase that opens the sentence, after an adjunct such as "On Monday,"."""
    ends = [i for i, token in enumerate(tokens) if token.text in BREAKS][:2]
    start = 0
    if len(ends) == 2 and only_adjuncts(tokens, ends[0] + 1):
        start = ends[0] + 1
    begin = _past_leads(tokens, start, len(tokens) - 1)
    found = noun_phrase(tokens, begin, len(tokens)) if begin is not None else None
    return found if found and _can_open(tokens[found[0]]) and can_speak(tokens[found[0]:found[1]]) else None


def _can_open(token: Token) -> bool:
    """Whether a noun phrase may begin with ``token``: not with a verb or a participle in small letters."""
    word = token.word
    verbal = word.endswith(("ing", "ed")) or word in words.VERBAL or (word in words.VERBS and word not in words.NOUNS)
    return token.is_name or word in _ADJECTIVES or not verbal


def _before_apposition(tokens: Sequence[Token], comma: int) -> Phrase | None:
    """The subject before what stands between commas: a description, a party, an age, a relative clause."""
    end = comma - 1
    for step in range(6):
        start = start_of(tokens, end)
        if start > end:
            return None
        if not step and tokens[start].word in _NO_SUBJECT and not tokens[start].is_name:
            return None
        if (step and not _describes(tokens, start)) or (start and tokens[start - 1].text not in _COMMAS):
            break
        if start < 2:
            return _in_stretch(tokens, start, end, final=True) if step else None
        if step and not _can_hold(tokens, start_of(tokens, start - 2)):
            break
        end = start - 2
    return _in_stretch(tokens, start, end, final=True)


def _describes(tokens: Sequence[Token], start: int) -> bool:
    token = tokens[start]
    return (token.word in _DESCRIBING
            or token.word[0].isdigit() or token.word.endswith(("ing", "ed")) or token.text in {"D", "R", "I"}
            or token.word.startswith(("d-", "r-", "i-")) or not token.is_name)


def _can_hold(tokens: Sequence[Token], start: int) -> bool:
    token = tokens[start]
    return token.word not in _NO_HOLDER and not token.is_mark


def _in_stretch(tokens: Sequence[Token], start: int, last: int, final: bool = False) -> Phrase | None:
    """The noun phrase that opens the stretch and goes on to the verb after ``last``, but for what describes it."""
    shared = tokens[last].word in _SHARING
    begin = _past_leads(tokens, _second_clause(tokens, start, last), last)
    if begin is None:
        return None
    if not _can_open(tokens[begin]):
        earlier = start and shared and not final and tokens[start - 1].text == ","
        return _before_apposition(tokens, start - 1) if earlier else None
    found = noun_phrase(tokens, begin, last + 1)
    if found is None or not can_speak(tokens[slice(*found)]):
        return None
    if _is_relative(tokens, begin, last, words.RELATIVES if shared else _SUBORDINATE):
        return None
    goes_on = found[1] > last or ((shared or _may_follow(tokens[found[1]])) and tokens[last].word not in _PERSONAL)
    return found if goes_on else None


def _is_relative(tokens: Sequence[Token], begin: int, last: int, under: frozenset[str]) -> bool:
    """Whether the verb after ``last`` is that of one of ``under`` between: "the wall that Trump promised"."""
    places = [i for i in range(begin, last + 1) if tokens[i].word in under and not tokens[i].is_name
              and tokens[min(i + 1, last)].word != "of"]
    return bool(places) and not any(is_verbal(token) for token in tokens[places[-1] + 1:last + 1])


def _second_clause(tokens: Sequence[Token], start: int, last: int) -> int:
    """Where the last clause of the stretch begins: after the "and" of "The city lost and its council voted"."""
    for i in range(last - 1, start, -1):
        if tokens[i].word in {"and", "but", "so", "while"}:
            before = tokens[start:i]
            split = any(map(is_verbal, before)) and not any(map(is_verbal, tokens[i + 1:last + 1]))
            return i + 1 if split and not any(t.word in words.RELATIVES for t in before) else start
    return start


def _past_leads(tokens: Sequence[Token], start: int, last: int) -> int | None:
    """Past "and", "meanwhile", "on Monday": where the subject begins; None in a subordinate clause."""
    while start <= last and (tokens[start].word in _LEADING or is_adverb(tokens[start])) \
            and tokens[start].word not in _QUANTIFIERS:
        start += 1
    if start + 2 < last and tokens[start + 2].word in _AGO:
        start += 3
    if start > last or tokens[start].word in _UNDER:
        return None
    if tokens[start].word == "as":
        return start + 1 if start < last else None
    return _past_preposition(tokens, start, last) if tokens[start].word in words.PREPOSITIONS else start


def _past_preposition(tokens: Sequence[Token], start: int, last: int) -> int | None:
    """Where the subject begins after a phrase such as "On Monday" or "In Tucson" that no comma ends."""
    for i in range(start + 2, last + 1):
        token, before = tokens[i], tokens[i - 1]
        if token.word in _UNDER:
            return None
        opens = token.word in _OPENING or (token.is_name and not before.is_name)
        day = before.word in words.TIMES and before.is_name and token.word not in words.TIMES
        if day or (opens and before.word not in _CLOSED):
            return i
    return None


def _may_follow(token: Token) -> bool:
    return (token.word in _FOLLOWING or is_adverb(token)
            or token.word.endswith(("ing", "ed")))


def can_speak(phrase: Sequence[Token]) -> bool:
    """Whether the head of ``phrase`` is none of the things that neither speak nor decide."""
    head = head_of(phrase)
    if len(phrase) > 1 and any(before.word in _THINGS and token.is_name and not before.is_name
                               for before, token in pairwise(phrase)):
        return False  # "a list President Trump ordered"
    mute = words.MUTE_NAMES if head.is_name else _MUTE
    if head.word in _UNNAMED or head.word in mute:
        return False
    return not (phrase[-1].word.endswith(("'s", "s'")) or phrase[0].word in _NO_OPENING
                or (len(phrase) == 1 and head.word.isdigit()))


def head_of(phrase: Sequence[Token]) -> Token:
    """The word that the others describe: the last one before "of", "for" or "and"."""
    for before, token in pairwise(phrase):
        if token.word in {"of", "for", "and"}:
            return before
    return phrase[-1]


def _with_list(tokens: Sequence[Token], start: int, found: Phrase) -> Phrase:
    """The phrase with the names before it: "Gorsuch, Thomas and Barrett"."""
    begin, end = found
    joined = any(token.word == "and" for token in tokens[max(start, begin - 1):end])
    while joined and start >= 2 and tokens[start - 1].text == ",":
        before = start_of(tokens, start - 2)
        names = tokens[before:start - 1]
        if not (0 < len(names) <= 4 and all(t.is_name and t.word not in words.TIMES for t in names)):
            break
        begin, start = before, before
    return begin, end


def inverted(tokens: Sequence[Token], at: int, verb: Verb) -> Phrase | None:
    """The speaker named after the verb: ``"...," said the mayor``."""
    if verb.lemma not in _INVERTING or verb.form not in {"past", "s"} or not at or at + 1 >= len(tokens):
        return None
    if tokens[at - 1].text not in _BEFORE_SPEECH:
        return None
    first = tokens[at + 1]
    if not (first.is_name or first.word in _OPENING or tokens[at - 1].text == '"'):
        return None
    if tokens[at - 1].text == "," and _before_apposition(tokens, at - 1):
        return None
    found = noun_phrase(tokens, at + 1, len(tokens))
    if found is None or not can_speak(tokens[found[0]:found[1]]) or tokens[found[0]].word in words.TIMES:
        return None
    after = tokens[found[1]] if found[1] < len(tokens) else None
    return found if after is None or after.is_mark or _may_follow(after) else None


def agent(tokens: Sequence[Token], at: int) -> Phrase | None:
    """Who does what the passive verb at ``at`` says: the phrase after its "by"."""
    for i in range(at + 1, min(at + 8, len(tokens) - 1)):
        if tokens[i].is_mark or tokens[i].word in words.RELATIVES:
            return None
        if tokens[i].word == "by":
            found = noun_phrase(tokens, i + 1, len(tokens))
            return found if found and not tokens[i + 1].word.endswith("ing") and can_speak(
                tokens[found[0]:found[1]]) else None
    return None


def maker(tokens: Sequence[Token], found: Phrase) -> Phrase:
    """The maker of a document that speaks: "Cato Institute" for "a report by the Cato Institute"."""
    _, end = found
    if end + 1 < len(tokens) and tokens[end].word in {"by", "from"} and tokens[end - 1].word in words.DOCUMENTS:
        return noun_phrase(tokens, end + 1, len(tokens)) or found
    return found
