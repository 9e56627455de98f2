"""Counterfactual augmentation: names change places, nothing else does."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.swaps import exchange, read_swaps
from pipeline.task import Examples, Head, Sentence, Task

GROUPS = {"party": [["Republican", "GOP", "R-"], ["Democratic", "Democratic Party", "D-"]],
          "president": [["Donald Trump", "Trump"], ["Joe Biden", "Biden"]]}


def examples(*sentences: Sentence) -> Examples:
    return Examples(list(sentences), {"tone": np.eye(2)[[i % 2 for i in range(len(sentences))]]},
                    np.ones(len(sentences)), ["a"] * len(sentences))


def test_every_member_takes_every_place_and_forms_stay_matched() -> None:
    """Over many sentences both orders occur; a full name becomes a full name, a party tag a party tag."""
    many = exchange(examples(*[Sentence("Donald Trump and the GOP met Sen. Lee (R-Utah); Trump left.")] * 40), GROUPS, 0)
    assert {s.text for s in many.sentences} == {
        f"{full} and the {party} met Sen. Lee ({tag}Utah); {last} left."
        for full, last in (("Donald Trump", "Trump"), ("Joe Biden", "Biden"))
        for party, tag in (("GOP", "R-"), ("Democratic Party", "D-"))}


def test_sentence_and_context_see_one_exchange() -> None:
    """Who the sentence before called Trump is called the same in the sentence."""
    given_ = examples(*[Sentence("Trump refused.", "Biden asked Trump.", "Trump, Biden")] * 20)
    for sentence in exchange(given_, GROUPS, 1).sentences:
        name = sentence.text.split()[0]
        assert (sentence.previous.split()[2], sentence.title.split(",")[0]) == (name + ".", name)


@pytest.mark.parametrize("text", ["Trumpets played.", "H.R. 2 and Title R", "the republican guard", "R-rated"])
def test_only_whole_words_are_names(text: str) -> None:
    """Words that merely contain a form, or a tag before no capital letter, stay."""
    assert exchange(examples(*[Sentence(text)] * 10), GROUPS, 0).sentences == [Sentence(text)] * 10


def test_the_seed_decides_and_labels_stay() -> None:
    """Same seed, same sentences; targets, weights and groups are not touched."""
    given_ = examples(*[Sentence("Trump spoke."), Sentence("Biden spoke.")] * 10)
    one, two = exchange(given_, GROUPS, 3), exchange(given_, GROUPS, 3)
    assert one.sentences == two.sentences != exchange(given_, GROUPS, 4).sentences
    assert one[1:] == given_[1:]


@given(st.text(max_size=80))
def test_exchanging_is_a_permutation_of_names(text: str) -> None:
    """Whatever stands around them, removing the names from both sides leaves the same text."""
    [after] = exchange(examples(Sentence(f"{text} Trump {text}")), GROUPS, 0).sentences
    assert after.text.replace("Biden", "Trump") == f"{text} Trump {text}".replace("Biden", "Trump")


@pytest.mark.parametrize(("content", "complaint"), [("[[A, B], [C]]", "same number of forms"),
                                                    ("[[A]]", "two members"), ("x", "list"), ('[[A], [""]]', "empty form")])
def test_a_bad_group_is_named(tmp_path: Path, task: Task, content: str, complaint: str) -> None:
    """A group whose forms do not match is refused with its file and name."""
    path = tmp_path / "swaps.yaml"
    path.write_text(f"task: {task.name}\ngroups:\n  party: {content}\n")
    with pytest.raises(ConfigError, match=rf"swaps\.yaml: .*party.*{complaint}"):
        read_swaps(path, task)


def test_names_stay_under_another_task() -> None:
    """Where the labels are others, the project's groups exchange nothing."""
    other = Task(name="praise-of-presidents", codebook="1", heads={"tone": Head(kind="one", labels=("a", "b"))})
    assert read_swaps("configs/swaps.yaml", other) == {}


def test_the_projects_own_groups_are_sound(task: Task) -> None:
    """configs/swaps.yaml can be read, and no form stands in two groups."""
    groups = read_swaps("configs/swaps.yaml", task)
    places = [(form, name) for name, members in groups.items() for member in members for form in set(member)]
    for form in {form for form, _ in places}:
        assert len({name for other, name in places if other == form}) == 1, form


def test_the_parties_alone_are_those_among_all_groups(task: Task) -> None:
    """configs/parties.yaml is the group of parties in configs/swaps.yaml, so that the two cannot drift apart."""
    assert read_swaps("configs/parties.yaml", task) == {"party": read_swaps("configs/swaps.yaml", task)["party"]}
