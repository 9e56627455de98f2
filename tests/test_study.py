"""What labels are worth: choosing them, and what new ones changed."""

import json
from pathlib import Path

import pytest

from pipeline.classifiers.tfidf import TfidfConfig
from pipeline.corpus import Corpus, read_corpus
from pipeline.curve import learn
from pipeline.effect import effect, effect_metrics, sources
from pipeline.errors import DataError, ModelError
from pipeline.holders.judge import judge_holders
from pipeline.publish import make_record
from pipeline.results import Study, results_page
from pipeline.review.select import select
from pipeline.study import RANDOM, SELECTED, Point, figure, labels_needed, needs, read_study, save_study, simulate
from pipeline.task import Head, Task
from pipeline.train import train

CONFIG = TfidfConfig(min_count=1)
PLACES = ("Tulsa", "Reno", "Fargo", "Akron", "Boise", "Salem", "Waco", "Provo")
WORDS = {"support": "urged the wall in {} with a speech", "oppose": "condemned the raid near {} at noon",
         "neutral": "met a judge of {} about parking"}
#: Selected reaches 0.6 at 200 labels and 0.8 at 300, chance only at 300 and 400: the mean of both seeds counts.
POINTS = [Point(choice, seed, labels, 0.0, value + shift)
          for choice, values in ((SELECTED, (0.4, 0.6, 0.8, 0.8)), (RANDOM, (0.4, 0.5, 0.6, 0.8)))
          for seed, shift in ((0, -0.01), (1, 0.01)) for labels, value in zip((100, 200, 300, 400), values, strict=True)]


def write(path: Path, first: int, splits: tuple[str, ...]) -> Path:
    """Three sentences an article, eight articles, told apart by ``first``."""
    rows = [{"article": f"a{first + i}", "index": at, "text": f"{first * 31 + i} " + WORDS[label].format(PLACES[i]),
             "stance": label, "policy": ["wall"] if label == "support" else [], "split": splits[i % len(splits)]}
            for i in range(8) for at, label in enumerate(WORDS)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [write(tmp_path / "old.jsonl", 0, ("train", "train", "valid", "test")),
            write(tmp_path / "mine.jsonl", 50, ("train", "test")), write(tmp_path / "more.jsonl", 90, ("train",))]


@pytest.fixture
def corpus(files: list[Path], task: Task) -> Corpus:
    return read_corpus(files, task)


def test_the_test_rows_of_every_source_stand_apart(corpus: Corpus, files: list[Path]) -> None:
    """Each source has its own test rows, one may have none, and all are together in the end."""
    assert {name: len(rows) for name, rows in sources(corpus, files).items()} == {"old": 6, "mine": 12, "more": 0, "all": 18}


def test_new_labels_show_what_they_changed(corpus: Corpus, files: list[Path]) -> None:
    """A model that has seen all is better than one that saw two sentences; a source without test rows is left out."""
    before, after = learn(CONFIG, corpus, corpus.part("train")[:2]), learn(CONFIG, corpus, corpus.part("train"))
    found = effect(before, after, sources(corpus, files))
    assert list(found) == ["old", "mine", "all"]
    assert next((d.head, d.b) for d in found["all"] if d.label == "macro") == ("stance", 1.0)
    metrics = effect_metrics(found)
    assert metrics["changed/mine/stance/macro"] > 0
    assert metrics["changed/mine/stance/macro_low"] <= metrics["changed/mine/stance/macro"]
    assert 0 < metrics["changed/all/stance/macro_p"] <= 1


def test_an_earlier_model_of_other_heads_is_no_measure(corpus: Corpus, files: list[Path]) -> None:
    """Two models that answer different questions are not compared."""
    model = learn(CONFIG, corpus, corpus.part("train"))
    other = Task(name="t", codebook="1", heads={"side": Head(kind="one", labels=("a", "b"))})
    with pytest.raises(ModelError, match="was made for task"):
        effect(type(model)(**{**vars(model), "task": other}), model, sources(corpus, files))


def test_a_study_starts_alike_and_ends_at_the_full_pool(corpus: Corpus, tmp_path: Path) -> None:
    """Both ways share the first round and the last; a saved study is read back as it was."""
    points = list(simulate(CONFIG, corpus, sizes=(6, 12, 24), seeds=2))
    for seed in (0, 1):
        chosen, chance = ([p for p in points if (p.choice, p.seed) == (choice, seed)] for choice in (SELECTED, RANDOM))
        assert [p.labels for p in chance] == [6, 12, 24, 48]
        for at in (0, -1):
            assert (chosen[at].labels, chosen[at].test) == (chance[at].labels, chance[at].test)
    save_study(points, corpus, tmp_path / "study.json")
    assert read_study(tmp_path / "study.json") == (corpus.fingerprint(), points)
    assert figure(points, "stance").axes[0].get_xlabel() == "labelled sentences"


def test_a_pool_too_small_for_a_study_is_named(corpus: Corpus) -> None:
    """A first round as large as the training split is refused."""
    with pytest.raises(DataError, match="48 training sentences are too few for a first round of 48"):
        list(simulate(CONFIG, corpus, sizes=(48,)))


def test_labels_needed_are_read_off_the_mean_curves() -> None:
    """The first crossing counts, between two rounds along the line; the ratio is selected over chance."""
    assert labels_needed(POINTS, 1.0) == pytest.approx({SELECTED: 300, RANDOM: 400})
    assert labels_needed(POINTS, 0.875) == pytest.approx({SELECTED: 250, RANDOM: 350})
    assert needs(POINTS)[1][3:] == [300, 400, pytest.approx(0.75)]


def test_doubt_about_rare_labels_comes_first() -> None:
    """Of two sentences equally doubted, the one that may bear the rare label is picked before the other."""
    task = Task(name="t", codebook="1", heads={"side": Head(kind="one", labels=("often", "also", "rare"))})
    scores = [(0.5, 0.4, 0.1), (0.5, 0.1, 0.4), *[(0.6, 0.38, 0.02)] * 8]
    items = [{"text": f"{place} {i}", "scores": {f"side/{label}": value for label, value in zip(
        ("often", "also", "rare"), row, strict=True)}} for i, (place, row) in enumerate(zip(
            (*PLACES, "Omaha", "Miami"), scores, strict=True))]
    assert [item["text"] for item in select(task, items, 1, [])] == ["Reno 1"]


def test_the_results_page_shows_study_and_holders(corpus: Corpus, tmp_path: Path) -> None:
    """Labels needed, the figure, a note when the corpus was another, and the holders' F1 are on the page."""
    _, evaluation = train("m", CONFIG, corpus, tmp_path, {"stance": 0.8}, make_record(corpus, CONFIG, ["d"]))
    held = judge_holders([{"text": "The wall is wrong, Ann Lee said.", "holder": "Ann Lee", "start": 19, "end": 26}])
    page = results_page(corpus, {"m": evaluation}, {}, {}, held, Study("0123456789abcdef", POINTS, "images/study.png"))
    assert "another corpus, `0123456789ab`" in page
    assert "![F1 by labels, selected and by chance](images/study.png)" in page
    assert " 300 |" in page
    assert "| exact    | 1.000 (1.000 to 1.000) |" in page
    assert "## Holders" not in results_page(corpus, {"m": evaluation}, {}, {})
