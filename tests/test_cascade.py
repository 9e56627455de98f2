"""The cascade: answers what the fast model is sure of, agrees with the full one, and says who answered."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.calibrate import Calibration
from pipeline.classifiers.cascade import CascadeConfig
from pipeline.classifiers.tfidf import TfidfConfig
from pipeline.errors import ConfigError, ModelError
from pipeline.model import Model, load_model, save_model
from pipeline.task import Examples, Head, Sentence, Task

TASK = Task(name="t", codebook="1", heads={"side": Head(kind="one", labels=("for", "against")),
                                           "topics": Head(kind="many", labels=("wall",))})
WORDS = {0: "praised urged cheered", 1: "condemned denounced sued"}


def examples(count: int, noise: float) -> Examples:
    """Sentences whose verb gives the side away, except for a share that has no verb to go by."""
    rng = np.random.default_rng(count)
    side = rng.integers(0, 2, count)
    wall = rng.integers(0, 2, count)
    vague = rng.random(count) < noise
    texts = [f"Member {rng.integers(99)} {'spoke of' if v else rng.choice(WORDS[s].split())} the {'wall' if w else 'plan'}."
             for s, w, v in zip(side, wall, vague, strict=True)]
    return Examples([Sentence(text) for text in texts], {"side": np.eye(2)[side], "topics": wall[:, None].astype(float)},
                    np.ones(count), [str(i) for i in range(count)])


@pytest.fixture
def parts(tmp_path: Path) -> CascadeConfig:
    for name, noise in (("fast", 0.5), ("full", 0.0)):
        config = TfidfConfig(min_count=1)
        classifier = config.build(TASK).fit(examples(300, noise), examples(60, noise))
        save_model(Model(name, TASK, config, classifier, Calibration(), {}, {}, "c"), tmp_path / name)
    return CascadeConfig(fast=str(tmp_path / "fast"), full=str(tmp_path / "full"), agreement=0.98)


def test_it_agrees_with_the_full_model_as_often_as_promised(parts: CascadeConfig) -> None:
    """On new sentences the labels are the full model's at about the stated rate, and the fast model answers some."""
    cascade = parts.build(TASK).fit(examples(1, 0), examples(400, 0.3))
    new = examples(500, 0.3).sentences
    scores, sources = cascade.answer(new)
    full = load_model(parts.full).predict_proba(new)
    same_side = scores["side"].argmax(1) == full["side"].argmax(1)
    same_topics = ((scores["topics"] >= 0.5) == (full["topics"] >= 0.5))[:, 0]
    assert (same_side & same_topics).mean() > 0.96
    assert 0.2 < sources.count("fast") / 500 < 1


def test_it_stands_alone_after_saving(parts: CascadeConfig, tmp_path: Path) -> None:
    """A saved cascade answers as before even when the two models it was made from are gone."""
    cascade = parts.build(TASK).fit(examples(1, 0), examples(400, 0.3))
    model = save_model(Model("c", TASK, parts, cascade, Calibration(), {}, {}, "c"), tmp_path / "cascade")
    for name in ("fast", "full"):
        (tmp_path / name).rename(tmp_path / f"{name}-gone")
    new = examples(50, 0.3).sentences
    again = load_model(tmp_path / "cascade")
    before, after = model.answer(new), again.answer(new)
    assert before[1] == after[1]
    np.testing.assert_array_equal(before[0]["side"], after[0]["side"])


def test_missing_and_foreign_parts_are_named(parts: CascadeConfig, tmp_path: Path) -> None:
    """A part that was not trained, or was trained for other heads, is an error that says so."""
    with pytest.raises(ConfigError, match="no trained model there"):
        CascadeConfig(fast=str(tmp_path / "none"), full=parts.full).build(TASK).fit(examples(1, 0), examples(9, 0))
    other = Task(name="t", codebook="1", heads={"side": TASK.heads["side"]})
    with pytest.raises(ModelError, match=r"made for other heads \(side, topics\) than the cascade's \(side\)"):
        parts.build(other).fit(examples(1, 0), examples(9, 0))
