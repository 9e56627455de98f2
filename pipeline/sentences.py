"""Articles to sentences with exact character offsets.

One pass over the text in linear time. A text is first cut into blocks (lines, or hard-wrapped lines rejoined), then
each block at the sentence ends among its stops. The Punkt model of nupunkt was tried first and left: trained on other prose
than news, it holds common words for abbreviations ("week", "all") and titles for starts of sentences; with the lists
below as its parameters it reached an F1 of 0.963 on tests/data/boundaries.txt, where this module has 0.998.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from pipeline.articles import Article
from pipeline.task import Sentence

Span = tuple[int, int]


def _words(line: str) -> frozenset[str]:
    return frozenset(line.split())


#: Widths in characters between which the longest line of a hard-wrapped text lies.
_WRAP = (40, 100)

#: Never the end of a sentence before a capital: titles, ranks and what stands between two names.
_JOINING = _words("""
    adm ald asm asst atty brig capt cmdr col cpl cpt det dr drs fr gen gens gov govs hon insp lt maj messrs mlle mme mr
    mrs ms mx ofc pfc pres prof pvt rep reps rev sec sen sens sgt ssgt supt v viz vs""")
#: Postal and news abbreviations of states. News puts a comma after them inside a sentence, so a capital begins a new one ...
_STATES = _words("""
    ala ariz ark calif colo conn del fla ga ill ind kan kans ky la mass md mich minn miss mo mont n.c n.d n.h n.j n.m
    n.y neb nebr nev okla ore p.r pa r.i s.c s.d tenn tex va vt w.va wash wis wyo""")
#: ... except an office, as in "Phoenix, Ariz. Mayor".
_OFFICES = _words("Attorney Congressman Democrat Democratic Gov Mayor Rep Republican Sen Sheriff")
#: Stand for an abbreviation before a number only: "No. 17", but "She said no. They left."
_NUMBERED = _words("art ed est ext fig no nos op par pp pt vol")
#: May end a sentence or not: the word that follows decides.
_OPEN = _words("""
    al apr apt aug ave bldg blvd bros cf co corp cos ct dec dept dist esq etc feb ft hwy inc jan jr jul jun ltd mar mt
    mtn nov oct rd sept sr st ste subsec univ""")
_KNOWN = _JOINING | _STATES | _NUMBERED | _OPEN
#: Those that are also written small; any other small word before a stop is just a word ("in", "me", "wash").
_SMALL = _NUMBERED | {"al", "cf", "etc", "sec", "v", "viz", "vs"}
#: Names that bear an exclamation mark.
_EXCLAIMED = frozenset({"Yahoo", "Jeopardy"})
#: What follows an hour without ending the sentence.
_AFTER_HOUR = _words("""
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun January
    February March April May June July August September October November December Jan Feb Mar Apr Aug Sept Oct Nov Dec
    Eastern Central Mountain Pacific ET EST EDT CT CST CDT MT MST MDT PT PST PDT GMT UTC Zulu""")
#: Words that begin a sentence when they are capitalised after an abbreviation or an initial.
_STARTERS = _words("""
    a about according across activists additionally advocates after afterward again all almost along already also
    although amid among an and another any anyone are around as asked at authorities back because before behind besides
    between both but by can critics despite did do does during each earlier either elsewhere even eventually every
    everyone everything except experts few finally first five for four from further furthermore given had has have
    having he her here him his how however i i'd i'll i'm i've if immigrants in indeed instead is it it's its just last
    later lawmakers lawyers leaders less let like many maybe meanwhile migrants more moreover most much my nearly
    neither never nevertheless no nobody none nor not nothing now of officers officials often on once one only opponents
    or other others our out over people perhaps please police prosecutors rather read recent reporters republicans
    democrats residents researchers see several she should similarly since six so some someone something sometimes soon
    still such supporters ten than thanks that that's the their them then there there's therefore these they they're
    this those though three through throughout thus to today together too toward two under unless unlike until up upon
    voters was we we're we've well were what when whenever where whether which while who whose why with within without
    witnesses yes yet you your""")

# Possessive quantifiers (++, *+) and the look-behind keep a run of a million stops or quotes linear.
_STOP = re.compile(r"""
    (?<![.!?…]) [.!?…]++ (?:[ \u00a0]\.){0,5}+       # full stops and their like, also a spaced ellipsis
    ["'”’»)\]}*]*+                                  # quotes and brackets that close with it
    (?:[ \u00a0]?[\u2600-\u27bf\U0001f000-\U0001faff\u200d\ufe0f])*+   # emoji belong to the sentence they follow
    (?=\s)
  | (?<=[a-z]{2}) [.!?] ”?+ (?=“?[A-Z][a-z])        # a space lost between sentences
    """, re.VERBOSE)
_NEXT = re.compile(r"\s*+((?:[^\w\s][ \u00a0]?){0,5})(\w(?:[\w'’]{0,30}\w)?)")
_LAST = re.compile(r"[^\W_][\w.'’&]*$")
_WORD = re.compile(r"[^\W_]")
_DOTTED = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}")
# What opens a line or a sentence without being one: "1.", "(a).", "IV.", "Sec. 2.", "10:20 p.m.", "Ms. DOE." (hearings).
_LABEL = re.compile(r"""
    \W{0,3} (?: \d{1,3} | [A-Za-z] | [ivxIVX]{1,5} | \d{1,2} (?::\d\d)? \s? [ap]\.m
      | (?:Sec|SEC|Section|SECTION|Art|Article)\.? \s \d{1,4}
      | (?:Mrs?\.|Ms\.|Dr\.|The) \s [A-Z][A-Z'’-]{2,20})""", re.VERBOSE)
_LIST_ITEM = re.compile(r"[-*•–—·▪►‣◦#>✓✔]|\(?(?:\d{1,2}|[a-z])[.)]\s")
_SPEECH = re.compile(r"""
    \s+ (?!(?:He|She|They|It|We|You|I|The|This|That|One)\b) (?:(?:[A-Z][\w.'’-]{0,20}|of|the|for|de)\s){1,6}?
    (?:added|asked|asks|chanted|continued|cried|declared|demanded|quipped|replied|responded|said|says|shot\s+back|shouted|
    texted|told|tweeted|wondered|wrote|yelled)\b""", re.VERBOSE)


def spans(text: str) -> list[Span]:
    """Start and end of every sentence of ``text``: in order, without overlap, trimmed of white space.

    Together they hold every character that is not white space. Blank lines always separate, and so does the end of a
    line, unless the text is hard-wrapped: then its lines are read as one, the line break staying inside the sentence.
    """
    return [span for start, end in _blocks(text) for span in _split(text, start, end)]


def sentences_of(article: Article) -> list[Sentence]:
    """Every sentence of ``article``, each with the one before it and the title."""
    out: list[Sentence] = []
    previous = ""
    for index, (start, end) in enumerate(spans(article.text)):
        text = article.text[start:end]
        out.append(Sentence(text, previous, article.title, article.id, index, start, end))
        previous = text
    return out


def _blocks(text: str) -> Iterator[Span]:
    """Stretches that no sentence leaves: lines, or lines rejoined where the text is hard-wrapped."""
    rows: list[Span] = []
    at = 0
    for line in text.splitlines(keepends=True):
        start = at + len(line) - len(line.lstrip())
        rows.append((start, max(start, at + len(line.rstrip()))))
        at += len(line)
    width = _wrap_width(text, rows)
    begin = -1
    for row, following in pairwise([*rows, (0, 0)]):
        if row[0] == row[1]:
            continue
        begin = row[0] if begin < 0 else begin
        if not (width and _is_full(text, row, following, width)):
            yield begin, row[1]
            begin = -1


def _wrap_width(text: str, rows: list[Span]) -> int:
    """The length of the longest line of a hard-wrapped text, else 0.

    A text is hard-wrapped when most of its lines are full (the next line's first word would not have fitted) and one
    at least goes on with a small letter.
    """
    least, most = _WRAP
    width = 0
    for start, end in rows:
        if end - start > width and " " in text[start:end]:  # a line without a space is a link, say
            width = end - start
            if width > most:
                return 0
    if width < least:
        return 0
    pairs = [(row, after) for row, after in pairwise(rows) if row[0] < row[1] and after[0] < after[1]]
    full = [after for row, after in pairs if _is_full(text, row, after, width)]
    goes_on = any(text[start].islower() for start, _ in full)
    return width if goes_on and 5 * len(full) >= 3 * len(pairs) else 0


def _is_full(text: str, row: Span, following: Span, width: int) -> bool:
    """Whether the first word of the following line would not have fitted on this one (nor begins a list item)."""
    start, end = following
    if start == end or _LIST_ITEM.match(text, start, end):
        return False
    space = text.find(" ", start, end)
    return row[1] - row[0] + 1 + ((space if space >= 0 else end) - start) > width


def _split(text: str, start: int, end: int) -> Iterator[Span]:
    """The sentences of one block. Each holds a letter or a digit, if the block does."""
    word = _WORD.search(text, start, end)
    for stop in _STOP.finditer(text, start, end):
        if word is None:
            break
        if stop.start() < word.start():
            continue
        after = _NEXT.match(text, stop.end(), end)
        if after and _ends_sentence(text, start, stop, after):
            yield start, stop.end()
            start = after.start(1)
            word = _WORD.search(text, start, end)
    yield start, end


def _ends_sentence(text: str, start: int, stop: re.Match[str], after: re.Match[str]) -> bool:
    """Whether the sentence that begins at ``start`` ends with ``stop``, given the word ``after`` it."""
    opening, word = after.groups()
    at = stop.start()
    if word[0].islower() or (at - start <= 30 and _LABEL.fullmatch(text, start, at)):
        return False
    piece = text[max(start, at - 24):at]
    last = _LAST.search(piece)
    before = last.group() if last else ""
    marks = stop.group()
    if marks[0] in "!?":
        named = before in _EXCLAIMED or (marks[-1] in "\"'”’" and _SPEECH.match(text, stop.end()))
        return not named
    if marks.startswith(("…", "..", ". .", ".\u00a0.")):
        return _after_ellipsis(piece, word)
    if stop.end() == after.start(1) and re.search(r"[/@]|www\.", piece[piece.rfind(" ") + 1:]):
        return False  # inside a link
    return _after_full_stop(before, opening, word)


def _after_ellipsis(piece: str, word: str) -> bool:
    """Whether an ellipsis after ``piece`` ends the sentence; one set apart by a space stands for words left out."""
    if word == "I" or word.startswith(("I'", "I’")):
        return False
    return not piece[-1:].isspace() or _starts(word)


def _after_full_stop(before: str, opening: str, word: str) -> bool:
    """Whether the full stop after the word ``before`` ends the sentence, given the capital or digit that follows."""
    name = before.lower()
    hour = name in {"a.m", "p.m"}
    initial = len(before) == 1 and before.isalpha()
    known = name in _KNOWN and (not before.islower() or name in _SMALL)
    if not (known or initial or hour or _DOTTED.fullmatch(before)):
        return True
    if not {"(", "—", "–", "-"}.isdisjoint(opening) or (word[0].isdigit() and not hour):
        return False  # "Tucson, Ariz. (AP) — ", "No. 17", "Sec. 287(g)"
    if initial:
        return _starts(word) and len(word) > 1  # a single letter is the next initial
    if hour:
        return word not in _AFTER_HOUR
    if name in _STATES:
        return word not in _OFFICES
    return name not in _JOINING and (name in _NUMBERED or _starts(word))


def _starts(word: str) -> bool:
    return word.lower().replace("’", "'") in _STARTERS
