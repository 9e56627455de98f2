"""Learning curve over the size of the corpus: would more text still help?"""

import hashlib
from collections.abc import Iterator
from typing import Any

from pipeline.calibrate import fit_calibration
from pipeline.corpus import Corpus, Row, to_examples
from pipeline.errors import DataError
from pipeline.evaluate import Metrics, best_thresholds, judge

#: Shares of the training events that are learned from in turn.
SHARES = (0.125, 0.25, 0.5, 1.0)


def learning_curve(config: Any, corpus: Corpus, shares: tuple[float, ...] = SHARES) -> Iterator[tuple[int, Metrics]]:
    """Training sentences and metrics on test, for growing shares of the training events (each contains the one before).

    Raises DataError when a share holds no event.
    """
    task, valid, test = corpus.task, corpus.examples("valid"), corpus.examples("test")
    for share in shares:
        rows = [row for row in corpus.part("train") if _place(row) < share]
        if not rows:
            raise DataError(f"a share of {share:g} of the training events holds no sentence")
        classifier = config.build(task).fit(to_examples(task, rows), valid)
        raw = classifier.predict_proba(valid.sentences)
        calibration = fit_calibration(task, valid.targets, raw)
        thresholds = best_thresholds(task, valid.targets, calibration.apply(task, raw))
        scores = calibration.apply(task, classifier.predict_proba(test.sentences))
        yield len(rows), judge(task, test.targets, scores, thresholds, test.groups)


def _place(row: Row) -> float:
    """Where an event stands in a fixed random order, in [0, 1)."""
    return int.from_bytes(hashlib.sha256(f"curve:{row.event}".encode()).digest()[:8], "big") / 2**64
