"""What is learned from rows, and that every command that trains learns the same."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.classifiers.tfidf import TfidfConfig
from pipeline.corpus import Corpus, read_corpus
from pipeline.curve import learn
from pipeline.lessons import lessons
from pipeline.task import Task
from pipeline.train import train


@pytest.fixture
def corpus(tmp_path: Path, task: Task) -> Corpus:
    """Rows of which one annotator holds the opposite, some with a name."""
    rows = [{"text": f"Lee {verb} plan {i}.", "stance": stance, "policy": [], "event": f"e{i}",
             "split": ("train", "train", "valid", "test")[i % 4],
             "annotations": [{"by": "a", "stance": stance}, {"by": "b", "stance": "oppose"}]}
            for i in range(12) for verb, stance in (("praised", "support"), ("fought", "oppose"), ("read", "neutral"))]
    path = tmp_path / "d.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_corpus([path], task)


@pytest.fixture
def config(tmp_path: Path, task: Task) -> TfidfConfig:
    path = tmp_path / "swaps.yaml"
    path.write_text(f"task: {task.name}\ngroups:\n  people: [[Lee], [Ray]]\n")
    return TfidfConfig(min_count=1, votes=0.5, swaps=str(path))


def test_votes_and_names_are_in_the_lessons(corpus: Corpus, config: TfidfConfig) -> None:
    """Both keys work at once; without them the rows are taught as they are."""
    rows = corpus.part("train")
    taught = lessons(config, corpus.task, rows)
    assert {sentence.text.split()[0] for sentence in taught.sentences} == {"Lee", "Ray"}
    assert taught.targets["stance"][0].tolist() == [0.75, 0.25, 0.0]
    plain = lessons(TfidfConfig(), corpus.task, rows)
    assert plain.sentences == [row.sentence for row in rows]
    assert plain.targets["stance"][0].tolist() == [1.0, 0.0, 0.0]


def test_a_curve_learns_what_a_training_learns(tmp_path: Path, corpus: Corpus, config: TfidfConfig) -> None:
    """The model of a learning curve's last point answers as the model that is saved."""
    saved, _ = train("m", config, corpus, tmp_path, {}, {})
    sentences = corpus.examples("test").sentences
    curved = learn(config, corpus, corpus.part("train")).predict_proba(sentences)
    for name, scores in saved.predict_proba(sentences).items():
        assert np.array_equal(scores, curved[name])
