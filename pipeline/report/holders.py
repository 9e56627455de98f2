"""Who says it: the holders that a batch names most, with how their sentences are labelled."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.task import Task


def _words(line: str) -> frozenset[str]:
    return frozenset(line.split())


_SUFFIXES = _words("jr sr ii iii iv")
#: The share of full mentions that makes a bare last name one person's.
_CLEAR = 0.8
#: Holders shown.
SHOWN = 40
_PRONOUNS = _words("he she they it")
#: A capitalised name with one of these is a body and keeps all its words; any other goes by its last name.
_BODIES = _words("""
    academy administration agency alliance assembly association board branch bureau cabinet caucus center chamber
    circuit city coalition commission committee conference congress corps council county court courts democrats
    department district division enforcement federation force forum foundation fund government group guard house
    immigration institute journal justice labor league legislature lawmakers ministry network news office officials
    organization panel parliament party patrol pentagon police post press project protection republicans security
    senate service services society state states times treasury tribune union university watch lawyers advocates
    voters justices judges agents""")
_TITLES = _words("""
    acting assistant associate attorney chief commissioner congressman congresswoman deputy director former gen
    general gov governor homeland interior judge justice lt mayor minister minority majority leader president press
    prime professor rep representative rev secretary security sen senate senator sheriff speaker spokesman spokeswoman
    state u.s elect vice mr mrs ms dr white house whip district county""")
_NAME = re.compile(r"[\w.'’-]+")


@dataclass(frozen=True)
class Voice:
    """A holder: the form in which it is named most, its sentences, and how many have each label of each head."""

    name: str
    sentences: int
    counts: dict[str, dict[str, int]]


def voices(task: Task, rows: Iterable[Mapping[str, Any]]) -> list[Voice]:
    """The holders with most sentences: people joined by name, bodies by their words; pronouns are left out."""
    named = [row for row in rows if row.get("holder") and row["holder"].lower() not in _PRONOUNS]
    forms: dict[str, Counter[str]] = {}
    labels: dict[str, Counter[tuple[str, str]]] = {}
    keys = _keys(Counter(row["holder"] for row in named))
    for row in named:
        key = keys[row["holder"]]
        forms.setdefault(key, Counter())[row["holder"]] += 1
        found = labels.setdefault(key, Counter())
        for head in task.heads:
            value = row[head]
            found.update((head, label) for label in (value if isinstance(value, list) else [value]))
    first = sorted(forms, key=lambda key: (-forms[key].total(), key))[:SHOWN]
    return [Voice(forms[key].most_common(1)[0][0], forms[key].total(),
                  {name: {label: labels[key][name, label] for label in head.labels} for name, head in task.heads.items()})
            for key in first]


def _keys(holders: Counter[str]) -> dict[str, str]:
    """A key for every holder. Last names that several people share are told apart by initials (Tom is Thomas).

    A bare last name goes with the one who has nearly all of its full mentions, else it stays alone.
    """
    names = {holder: name_of(holder) for holder in holders}
    firsts: dict[str, Counter[str]] = {}
    for holder, (last, first) in names.items():
        if first:
            firsts.setdefault(last, Counter())[first] += holders[holder]
    keys = {}
    for holder, (last, first) in names.items():
        known = firsts.get(last, Counter())
        top, count = known.most_common(1)[0] if known else ("", 0)
        keys[holder] = f"{first or (top if count >= _CLEAR * known.total() else '')} {last}".strip()
    return keys


def name_of(holder: str) -> tuple[str, str]:
    """Last name and initial: ("trump", "d") of "President Donald Trump"; all words of a body or a noun, and ""."""
    words = _NAME.findall(holder)
    person = words[:words.index("of")] if "of" in words else []
    if len(person) > 1 and all(word[0].isupper() for word in person) and person[-1].lower() not in _TITLES | _BODIES:
        words = person  # "Sen. Dick Durbin of Illinois"
    plain = [re.sub(r"['’]s?$", "", word).strip(".").lower() for word in words]
    name = [word for word in plain if word not in _TITLES]
    while len(name) > 1 and name[-1] in _SUFFIXES:
        name.pop()
    whole = " ".join(word for word in plain if word != "u.s") or holder.lower()
    if not name or not all(word[0].isupper() for word in words) or re.search(r"['’]s?(?:\s|$)", holder):
        return whole, ""
    titled = len(name) < len(plain)
    if name[-1] in _BODIES or (not titled and not _BODIES.isdisjoint(name)):
        return whole, ""
    return name[-1], name[0][0] if len(name) > 1 else ""
