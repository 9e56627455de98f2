"""A simulated study: the training split's labels are revealed in rounds, chosen by ``review select`` or by chance."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.corpus import Corpus, Row
from pipeline.curve import learn
from pipeline.errors import DataError
from pipeline.evaluate import f1, group_counts, hard
from pipeline.model import Model
from pipeline.review import Item
from pipeline.review.select import select
from pipeline.task import names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Labels after each round; the first are drawn by chance, sentence by sentence, as a batch to label would be.
SIZES = (200, 400, 800, 1200, 1600, 2000, 2400, 2800, 3200, 4000, 4800, 5600, 6400, 8000)
SELECTED, RANDOM = "selected", "random"
#: Shares of the full pool's F1 whose cost in labels is told.
GOALS = (0.95, 1.0)


@dataclass(frozen=True)
class Point:
    """Macro-F1 of the first head on valid and on test, after ``labels`` labels chosen in one way."""

    choice: str
    seed: int
    labels: int
    valid: float
    test: float


def simulate(config: Any, corpus: Corpus, sizes: Sequence[int] = SIZES, seeds: int = 3) -> Iterator[Point]:
    """A point a round, way of choosing and seed, then one of the full pool, which ends every curve.

    Both ways begin with the same sentences. Valid and test keep all their labels. Raises DataError when the first round
    is not smaller than the training split.
    """
    pool = corpus.part("train")
    rounds = [size for size in sizes if size < len(pool)]
    if not rounds:
        raise DataError(f"{len(pool)} training sentences are too few for a first round of {sizes[0]}")
    whole = _judged(learn(config, corpus, pool), corpus)
    for seed in range(seeds):
        first = np.random.default_rng(seed).permutation(len(pool))[:rounds[0]].tolist()
        start = learn(config, corpus, [pool[i] for i in sorted(first)])
        for choice in (SELECTED, RANDOM):
            known, model = set(first), start
            yield Point(choice, seed, len(known), *_judged(model, corpus))
            for at, size in enumerate(rounds[1:], 1):
                known |= _chosen(choice, model, pool, known, size - len(known), seed * len(rounds) + at)
                model = learn(config, corpus, [pool[i] for i in sorted(known)])
                yield Point(choice, seed, len(known), *_judged(model, corpus))
            yield Point(choice, seed, len(pool), *whole)


def _chosen(choice: str, model: Model, pool: Sequence[Row], known: set[int], count: int, seed: int) -> set[int]:
    """Positions in ``pool`` of the next sentences to label."""
    left = [i for i in range(len(pool)) if i not in known]
    if choice == RANDOM:
        return set(np.random.default_rng(seed).permutation(left)[:count].tolist())
    items = _items(model, [pool[i] for i in left])
    picked = select(model.task, items, count, [pool[i].sentence.text for i in known], None, seed)
    return {left[item["at"]] for item in picked}


def _items(model: Model, rows: Sequence[Row]) -> list[Item]:
    """Unlabelled sentences as a scored batch holds them."""
    scores = model.predict_proba([row.sentence for row in rows])
    decided = names(model.task, model.decide(scores))
    return [{"at": i, "text": row.sentence.text, "model": {name: decided[name][i] for name in decided},
             "scores": {f"{name}/{label}": float(scores[name][i, at]) for name, label, at in model.task.columns()}}
            for i, row in enumerate(rows)]


def _judged(model: Model, corpus: Corpus) -> tuple[float, float]:
    head = next(iter(model.task.heads))
    found = []
    for split in ("valid", "test"):
        examples = corpus.examples(split)
        decided = model.decide(model.predict_proba(examples.sentences))[head]
        gold = hard(model.task, examples.targets)[head]
        found.append(float(f1(group_counts(gold, decided, examples.groups).sum(0)).mean()))
    return found[0], found[1]


def curves(points: Sequence[Point]) -> dict[str, tuple[Any, Any]]:
    """Labels, shape (rounds,), and F1 on test, shape (seeds, rounds), of each way of choosing."""
    found = {}
    for choice in dict.fromkeys(point.choice for point in points):
        mine = [point for point in points if point.choice == choice]
        seeds = sorted({point.seed for point in mine})
        by_seed = [sorted((p.labels, p.test) for p in mine if p.seed == seed) for seed in seeds]
        found[choice] = (np.mean([[labels for labels, _ in row] for row in by_seed], axis=0),
                         np.array([[value for _, value in row] for row in by_seed]))
    return found


def labels_needed(points: Sequence[Point], share: float) -> dict[str, float]:
    """Labels at which the mean F1 over the seeds first reaches ``share`` of the full pool's, between two rounds by line."""
    needed = {}
    for choice, (labels, values) in curves(points).items():
        mean = values.mean(0)
        goal = share * mean[-1]
        at = int(np.argmax(mean >= goal - 1e-12))
        needed[choice] = float(labels[0] if at == 0 else np.interp(goal, mean[at - 1:at + 1], labels[at - 1:at + 1]))
    return needed


def needs(points: Sequence[Point]) -> list[list[Any]]:
    """Rows of split, share of the full pool's F1, that F1, labels needed when selected, when random, and their ratio.

    Chance may reach all of the full pool's F1 only with the full pool, where every curve ends. Then the ratio says what
    selection saves against labelling everything, not against chance.
    """
    rows: list[list[Any]] = []
    for split in ("test", "valid"):
        on_split = [replace(point, test=getattr(point, split)) for point in points]
        whole = max(on_split, key=lambda point: point.labels).test
        for share in GOALS:
            needed = labels_needed(on_split, share)
            rows.append([split, f"{share:.0%}", share * whole, round(needed[SELECTED]), round(needed[RANDOM]),
                         needed[SELECTED] / needed[RANDOM]])
    return rows


def figure(points: Sequence[Point], head: str) -> "Figure":
    """Mean F1 by labels with the range over the seeds, and the full pool's as a line."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(8, 5), layout="constrained")
    FigureCanvasAgg(drawn)
    axis = drawn.subplots()
    for choice, (labels, values) in curves(points).items():
        axis.plot(labels, values.mean(0), marker="o", label=f"{choice} (mean and range of {len(values)} seeds)")
        axis.fill_between(labels, values.min(0), values.max(0), alpha=0.2)
        axis.axhline(values[0, -1], color="grey", linestyle="--", linewidth=1)
    axis.set(title="Labels chosen by stance review select, and by chance", xlabel="labelled sentences",
             ylabel=f"{head} macro-F1 on test")
    axis.text(0.01, values[0, -1], "full pool", color="grey", va="bottom", transform=axis.get_yaxis_transform())
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right")
    return drawn


def save_study(points: Sequence[Point], corpus: Corpus, path: Path) -> None:
    """The points as JSON, with the corpus they were measured on."""
    content = {"corpus": corpus.fingerprint(), "head": next(iter(corpus.task.heads)), "points": [asdict(p) for p in points]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def read_study(path: Path) -> tuple[str, list[Point]]:
    """Fingerprint of the corpus and points that ``save_study`` wrote. Raises DataError when they are damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return str(content["corpus"]), [Point(**point) for point in content["points"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not a study ({error})") from None
