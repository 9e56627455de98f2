"""Learning from disagreement: targets that remember how annotators voted (Uma et al. 2021)."""

from collections.abc import Sequence

import numpy as np

from pipeline.corpus import Row
from pipeline.errors import DataError
from pipeline.task import Examples, Targets, Task, encode_label


def heed_votes(task: Task, train: Examples, rows: Sequence[Row], share: float) -> Examples:
    """``train`` with the targets of each row moved by ``share`` toward the mean of its annotators' labels.

    ``rows`` are those behind ``train``, in its order. A row without annotations of a head keeps its targets. Raises
    DataError that names the row of a label that the task does not have.
    """
    targets: Targets = {}
    for name, head in task.heads.items():
        moved = train.targets[name].copy()
        for at, row in enumerate(rows):
            try:
                votes = [encode_label(head, name, note[name]) for note in row.annotations if note.get(name) is not None]
            except DataError as error:
                raise DataError(f"{row.where}: annotations: {error}") from None
            if votes:
                moved[at] = (1 - share) * moved[at] + share * np.mean(votes, axis=0)
        targets[name] = moved
    return train._replace(targets=targets)
