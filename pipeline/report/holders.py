"""Who says it: the holders that a batch names most, with how their sentences are labelled."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.task import Task


def _words(line: str) -> frozenset[str]:
    return frozenset(line.split())


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
    state u.s vice white house whip district county""")
_NAME = re.compile(r"[\w.'’-]+")


@dataclass(frozen=True)
class Voice:
    """A holder: the form in which it is named most, its sentences, and how many have each label of each head."""

    name: str
    sentences: int
    counts: dict[str, dict[str, int]]


def voices(task: Task, rows: Iterable[Mapping[str, Any]]) -> list[Voice]:
    """The holders with most sentences, people joined by last name and bodies by their words; pronouns are left out."""
    forms: dict[str, Counter[str]] = {}
    labels: dict[str, Counter[tuple[str, str]]] = {}
    for row in rows:
        holder = row.get("holder")
        if not holder or holder.lower() in _PRONOUNS:
            continue
        key = key_of(holder)
        forms.setdefault(key, Counter())[holder] += 1
        found = labels.setdefault(key, Counter())
        for head in task.heads:
            value = row[head]
            found.update((head, label) for label in (value if isinstance(value, list) else [value]))
    first = sorted(forms, key=lambda key: (-forms[key].total(), key))[:SHOWN]
    return [Voice(forms[key].most_common(1)[0][0], forms[key].total(),
                  {name: {label: labels[key][name, label] for label in head.labels} for name, head in task.heads.items()})
            for key in first]


def key_of(holder: str) -> str:
    """What names of one holder share: "trump" of "President Donald Trump" and "Trump", all words of a body or a noun."""
    words = _NAME.findall(holder)
    person = words[:words.index("of")] if "of" in words else []
    if len(person) > 1 and all(word[0].isupper() for word in person) and person[-1].lower() not in _TITLES | _BODIES:
        words = person  # "Sen. Dick Durbin of Illinois"
    plain = [re.sub(r"['’]s?$", "", word).strip(".").lower() for word in words]
    capital = [word[:1].isupper() for word in words]
    if len(words) < 2 or not all(capital):
        return " ".join(word for word in plain if word != "u.s") or holder.lower()
    name = [word for word in plain if word not in _TITLES]
    suffix = name and name[-1] in {"jr", "sr", "ii", "iii", "iv"}
    if not _BODIES.isdisjoint(name[-1:]) or not name or re.search(r"['’]s?(?:\s|$)", holder):
        return " ".join(word for word in plain if word != "u.s")
    titled = len(name) < len(plain)
    if not titled and not _BODIES.isdisjoint(name):
        return " ".join(plain)
    return name[-2] if suffix and len(name) > 1 else name[-1]
