"""One contract over every classifier: it learns, it is the same after a round trip, and order and size do not matter."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.classifiers import ClassifierConfig
from pipeline.config import validate
from pipeline.errors import ModelError
from pipeline.task import Examples, Head, Sentence, Task

TASK = Task(name="small", codebook="1", heads={"side": Head(kind="one", labels=("for", "against", "none")),
                                               "topics": Head(kind="many", labels=("wall", "court"))})
ROWS = [("The senator praised the new barrier.", 0, [1, 0]), ("Build the wall now, he urged.", 0, [1, 0]),
        ("The mayor condemned the wall as a waste.", 1, [1, 0]), ("She denounced the judge's cruel order.", 1, [0, 1]),
        ("A judge upheld the ban, cheering its backers.", 0, [0, 1]), ("The hearing starts on Monday.", 2, [0, 1]),
        ("It rained in Tucson.", 2, [0, 0]), ("The fence is 30 feet tall.", 2, [1, 0])]
CONFIGS: list[dict[str, Any]] = [
    {"classifier": "tfidf", "min_count": 1, "c": 100.0},
    {"classifier": "transformer", "epochs": 20, "patience": 20, "batch_size": 4, "learning_rate": 2e-4, "dropout": 0.0},
]


def examples(task: Task = TASK) -> Examples:
    targets = {"side": np.eye(3)[[side for _, side, _ in ROWS]], "topics": np.array([t for *_, t in ROWS], dtype=float)}
    return Examples([Sentence(text, previous="Council met.") for text, *_ in ROWS],
                    {name: targets[name] for name in task.heads}, np.ones(len(ROWS)), [str(i) for i in range(len(ROWS))])


@pytest.fixture(scope="module", params=CONFIGS, ids=lambda config: config["classifier"])
def fitted(request: pytest.FixtureRequest) -> Any:
    return validate(request.param, ClassifierConfig, "test").build(TASK).fit(examples(), examples())


def test_it_overfits_eight_sentences(fitted: Any) -> None:
    """A classifier that cannot learn eight sentences by heart learns nothing."""
    scores = fitted.predict_proba(examples().sentences)
    assert scores["side"].argmax(1).tolist() == [side for _, side, _ in ROWS]
    assert (scores["topics"] > 0.5).astype(int).tolist() == [topics for *_, topics in ROWS]


def test_probabilities_have_the_promised_shapes(fitted: Any) -> None:
    """Rows of a one-of head sum to 1, entries of a many-of head lie in [0, 1], and no row is no row."""
    scores = fitted.predict_proba(examples().sentences)
    np.testing.assert_allclose(scores["side"].sum(1), 1, atol=1e-6)
    assert scores["topics"].shape == (8, 2)
    assert ((scores["topics"] >= 0) & (scores["topics"] <= 1)).all()
    assert {name: values.shape for name, values in fitted.predict_proba([]).items()} == {"side": (0, 3), "topics": (0, 2)}


def test_a_saved_model_answers_as_before(fitted: Any, tmp_path: Path) -> None:
    """Saving and loading changes no probability."""
    fitted.save(tmp_path)
    again = fitted.config.load(TASK, tmp_path)
    for name, values in fitted.predict_proba(examples().sentences).items():
        np.testing.assert_array_equal(again.predict_proba(examples().sentences)[name], values)


def test_order_and_size_of_the_batch_do_not_matter(fitted: Any) -> None:
    """A sentence has the same probabilities alone, in a batch, and in a batch of another order."""
    sentences = examples().sentences
    together = fitted.predict_proba(sentences)
    turned = fitted.predict_proba(sentences[::-1])
    alone = [fitted.predict_proba([sentence]) for sentence in sentences]
    for name, values in together.items():
        np.testing.assert_allclose(turned[name][::-1], values, atol=0.02)
        np.testing.assert_allclose(np.concatenate([one[name] for one in alone]), values, atol=0.02)


def test_odd_sentences_are_answered(fitted: Any) -> None:
    """Empty, endless, foreign and broken text gets finite probabilities."""
    odd = [Sentence(""), Sentence("wall " * 3000), Sentence("Стена \U0001f9f1 जज"), Sentence("\u202e\x07"), Sentence("a")]
    for values in fitted.predict_proba(odd).values():
        assert np.isfinite(values).all()


def test_a_damaged_folder_is_one_clear_error(fitted: Any, tmp_path: Path) -> None:
    """A missing or cut weight file is a ModelError that names the folder."""
    fitted.save(tmp_path)
    victim = next(tmp_path.rglob("*.safetensors"))
    victim.write_bytes(victim.read_bytes()[:100])
    with pytest.raises(ModelError, match=str(tmp_path)):
        fitted.config.load(TASK, tmp_path)


@pytest.mark.parametrize("heads", [["side"], ["topics"]])
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config["classifier"])
def test_one_head_alone_is_enough(config: dict[str, Any], heads: list[str]) -> None:
    """A task may have a single one-of head or a single many-of head."""
    task = Task(name="one", codebook="1", heads={name: TASK.heads[name] for name in heads})
    quick = {**config, "epochs": 1} if config["classifier"] == "transformer" else config
    classifier = validate(quick, ClassifierConfig, "test").build(task).fit(examples(task), examples(task))
    assert list(classifier.predict_proba(examples().sentences)) == heads


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config["classifier"])
def test_the_same_seed_gives_the_same_model(config: dict[str, Any]) -> None:
    """Two trainings with one seed agree to the last bit."""
    quick = {**config, "epochs": 1} if config["classifier"] == "transformer" else config
    first, second = (validate(quick, ClassifierConfig, "test").build(TASK).fit(examples(), examples())
                     .predict_proba(examples().sentences) for _ in range(2))
    for name, values in first.items():
        np.testing.assert_array_equal(second[name], values)
