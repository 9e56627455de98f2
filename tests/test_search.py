"""Training many times: sweeps keep the median run, searches resume, and a training can be repeated to the bit."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.card import model_card
from pipeline.classifiers.tfidf import TfidfConfig
from pipeline.corpus import Corpus, read_corpus
from pipeline.curve import learning_curve
from pipeline.model import read_description
from pipeline.publish import make_record
from pipeline.reproduce import circumstances, retrain
from pipeline.sweep import keep_middle, summarise
from pipeline.task import Task
from pipeline.train import Evaluation, train
from pipeline.tune import best_config, search

CONFIG = TfidfConfig(min_count=1)


@pytest.fixture
def corpus(tmp_path: Path, task: Task) -> Corpus:
    words = {"support": "urged the wall", "oppose": "condemned the raid", "neutral": "met the judge"}
    rows = [{"article": f"a{i}", "index": at, "text": f"Member {i * 37 % 101} {words[label]} in room {i}.", "stance": label,
             "policy": ["wall"] if label == "support" else [], "event": f"e{i}",
             "split": ("train", "train", "train", "valid", "test")[i % 5]}
            for i in range(20) for at, label in enumerate(words)]
    path = tmp_path / "d.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_corpus([path], task)


def evaluation(value: float) -> Evaluation:
    metrics = {"test/stance/macro_f1": value / 2, "valid/stance/macro_f1": value}
    return Evaluation(metrics, [], [], {"tags": {}, "params": {}, "dataset": {}})


def test_a_sweep_keeps_the_median_run_with_the_summary(tmp_path: Path) -> None:
    """Of three runs the one with the middle valid score is kept, and carries mean, deviation and range of all."""
    evaluations = [evaluation(value) for value in (0.9, 0.3, 0.6)]
    folders = [tmp_path / str(i) for i in range(3)]
    for folder in folders:
        folder.mkdir()
        (folder / "model.json").write_text(folder.name)
    kept = keep_middle(folders, evaluations, tmp_path / "kept")
    assert (tmp_path / "kept/model.json").read_text() == "2"
    assert kept.metrics["sweep/valid/stance/macro_f1/mean"] == pytest.approx(0.6)
    assert Evaluation.load(tmp_path / "kept").metrics["sweep/valid/stance/macro_f1/max"] == 0.9
    assert summarise(evaluations)["sweep/test/stance/macro_f1/std"] == pytest.approx(0.15)


def test_training_again_gives_the_identical_model(tmp_path: Path, corpus: Corpus) -> None:
    """The same corpus and configuration give the same weights and metrics; another corpus is the first difference."""
    train("m", CONFIG, corpus, tmp_path / "out", {"stance": 0.8}, make_record(corpus, CONFIG, ["d"]))
    assert retrain(tmp_path / "out/m", corpus, {"stance": 0.8}, tmp_path / "again") is None
    changed = Corpus(corpus.task, corpus.rows[:-1])
    difference = retrain(tmp_path / "out/m", changed, {"stance": 0.8}, tmp_path / "third")
    assert difference is not None
    assert difference.startswith("the corpus: fingerprint was ")


def test_a_changed_weight_is_named(tmp_path: Path, corpus: Corpus) -> None:
    """When weights differ, the first file that differs is named."""
    train("m", CONFIG, corpus, tmp_path / "out", {}, make_record(corpus, CONFIG, ["d"]))
    described = tmp_path / "out/m/model.json"
    content = json.loads(described.read_text())
    content["files"]["weights/weights.safetensors"] = "0" * 64
    described.write_text(json.dumps(content))
    assert str(retrain(tmp_path / "out/m", corpus, {}, tmp_path / "again")).startswith(
        "weight file weights/weights.safetensors: SHA-256 was 0000")


def test_files_that_shape_a_training_are_told_apart(tmp_path: Path, corpus: Corpus) -> None:
    """Swaps and a teacher's answers are in the record by digest, so that a changed file is a changed circumstance."""
    file = tmp_path / "file"
    file.write_text("one")
    for key in ("swaps", "teacher"):
        config = CONFIG.model_copy(update={key: str(file)})
        before = make_record(corpus, config, ["d"])
        file.write_text(f"another {key}")
        assert [line.split()[0] for line in circumstances(before, make_record(corpus, config, ["d"]))] == [key]


def test_other_circumstances_are_listed(corpus: Corpus) -> None:
    """Another commit or setting is told apart by name, value then and value now."""
    record = make_record(corpus, CONFIG, ["d"])
    other = {"tags": {**record["tags"], "lock": "x"}, "params": {**record["params"], "c": 9}}
    assert circumstances(record, other) == [f"lock was {record['tags']['lock']!r}, is 'x'", "c was 2.0, is 9"]


def test_a_search_resumes_and_never_loses_to_where_it_started(tmp_path: Path, corpus: Corpus) -> None:
    """Two searches of two trials make one study of four; its first trial is the configuration it started from."""
    heard: list[Any] = []
    for _ in range(2):
        study = search(CONFIG, corpus, 2, f"sqlite:///{tmp_path}/tune.db", lambda *args: heard.append(args))
    assert len(study.trials) == 4
    assert study.trials[0].params == {name: getattr(CONFIG, name) for name in CONFIG.space_names()}
    assert best_config(CONFIG, study).c == study.best_params["c"]
    assert study.best_value >= study.trials[0].value


def test_a_learning_curve_grows_and_ends_at_the_whole_corpus(corpus: Corpus) -> None:
    """Each point learns from more sentences, the last from all of the training split."""
    points = list(learning_curve(CONFIG, corpus, (0.5, 1.0)))
    assert points[0][0] < points[1][0] == len(corpus.part("train"))
    assert points[1][1]["stance/macro_f1"] >= points[0][1]["stance/macro_f1"]


def test_the_model_card_tells_what_a_reader_needs(tmp_path: Path, corpus: Corpus) -> None:
    """The card names labels, data, figures with intervals and limits."""
    train("m", CONFIG, corpus, tmp_path, {"stance": 0.8}, make_record(corpus, CONFIG, ["d"]))
    card = model_card("m-1", read_description(tmp_path / "m"), Evaluation.load(tmp_path / "m"))
    flat = " ".join(card.split())
    for words in ("exactly one of", "36 training, 12 valid and 12 test", "1.000 (1.000 to 1.000)", "## Limits"):
        assert words in flat
