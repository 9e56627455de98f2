"""Counterfactual augmentation: names that must not decide a label are exchanged in training (Lu et al. 2018)."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import field_validator

from pipeline.config import Settings, load_config
from pipeline.task import Examples, Sentence, Task

Groups = dict[str, list[list[str]]]


class Swaps(Settings):
    """By group, its members; forms at the same place in the members of a group stand for each other.

    ``task`` names the task whose labels do not depend on these names.
    """

    task: str
    groups: Groups

    @field_validator("groups")
    @classmethod
    def _forms_match(cls, groups: Groups) -> Groups:
        for name, members in groups.items():
            if len(members) < 2 or not members[0] or len({len(member) for member in members}) > 1:
                raise ValueError(f"group '{name}' needs two members or more, with the same number of forms each")
            if not all(form.strip() for member in members for form in member):
                raise ValueError(f"group '{name}' holds an empty form")
        return groups


def read_swaps(path: str | Path, task: Task) -> Groups:
    """The groups of a YAML file if written for ``task``, else none: under other labels, a name may be what counts.

    Raises ConfigError that names file, group and what was allowed.
    """
    swaps: Swaps = load_config(path, Swaps)
    return swaps.groups if swaps.task == task.name else {}


def exchange(train: Examples, groups: Groups, seed: int) -> Examples:
    """``train`` with the members of each group put in each other's place, at random and anew for each sentence.

    Targets stay as they are. A sentence and its context see the same exchange, so that who is who stays clear; a
    member stays in its place in one of as many sentences as its group has members. Same seed, same sentences.
    """
    rng = np.random.default_rng(seed)
    patterns = {name: _pattern(members) for name, members in groups.items()}

    def swapped(sentence: Sentence) -> Sentence:
        for name, members in groups.items():
            if any(patterns[name].search(part) for part in (sentence.text, sentence.previous, sentence.title)):
                put = _exchange(members, rng.permutation(len(members)))
                text, previous, title = (patterns[name].sub(put, part) for part in sentence[:3])
                sentence = sentence._replace(text=text, previous=previous, title=title)
        return sentence

    return train._replace(sentences=[swapped(sentence) for sentence in train.sentences])


def _pattern(members: list[list[str]]) -> re.Pattern[str]:
    """Any form as a whole word, the longest first; a form that ends in a hyphen goes before a capital letter."""
    forms = sorted({form for member in members for form in member}, key=lambda form: (-len(form), form))
    return re.compile(r"(?<!\w)(?:" + "|".join(re.escape(form) + (r"(?!\w)" if form[-1] != "-" else "(?=[A-Z])")
                                             for form in forms) + ")")


def _exchange(members: list[list[str]], order: np.ndarray) -> Callable[[re.Match[str]], str]:
    to: dict[str, str] = {}
    for member, other in zip(members, order, strict=True):
        for form, instead in zip(member, members[int(other)], strict=True):
            to.setdefault(form, instead)
    return lambda match: to[match.group()]
