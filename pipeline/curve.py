"""Learning curve over the size of the corpus: would more text still help?"""

import hashlib
from collections.abc import Iterator
from typing import Any

from pipeline.calibrate import fit_calibration
from pipeline.corpus import Corpus, Row
from pipeline.errors import DataError
from pipeline.evaluate import Metrics, best_thresholds, judge
from pipeline.lessons import lessons
from pipeline.model import Model

#: Shares of the training events that are learned from in turn.
SHARES = (0.125, 0.25, 0.5, 1.0)


def learning_curve(config: Any, corpus: Corpus, shares: tuple[float, ...] = SHARES) -> Iterator[tuple[int, Metrics]]:
    """Training sentences and metrics on test, for growing shares of the training events (each contains the one before).

    Raises DataError when a share holds no event.
    """
    for share in shares:
        rows = [row for row in corpus.part("train") if _place(row) < share]
        if not rows:
            raise DataError(f"a share of {share:g} of the training events holds no sentence")
        model = learn(config, corpus, rows)
        test = corpus.examples("test")
        yield len(rows), judge(corpus.task, test.targets, model.predict_proba(test.sentences), model.thresholds, test.groups)


def learn(config: Any, corpus: Corpus, rows: list[Row]) -> Model:
    """A model of ``rows`` alone, with calibration and thresholds from the valid split; not saved, and without a teacher."""
    task, valid = corpus.task, corpus.examples("valid")
    classifier = config.build(task).fit(lessons(config, task, rows), valid)
    raw = classifier.predict_proba(valid.sentences)
    calibration = fit_calibration(task, valid.targets, raw)
    thresholds = best_thresholds(task, valid.targets, calibration.apply(task, raw))
    return Model(config.classifier, task, config, classifier, calibration, thresholds, {}, corpus.fingerprint())


def _place(row: Row) -> float:
    """Where an event stands in a fixed random order, in [0, 1)."""
    return int.from_bytes(hashlib.sha256(f"curve:{row.event}".encode()).digest()[:8], "big") / 2**64
