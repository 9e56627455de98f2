"""What a classifier is taught: labelled rows, votes heeded and names exchanged where its configuration asks for it."""

from typing import Any

from pipeline.corpus import Row, to_examples
from pipeline.swaps import exchange, read_swaps
from pipeline.task import Examples, Task
from pipeline.votes import heed_votes


def lessons(config: Any, task: Task, rows: list[Row]) -> Examples:
    """``rows`` as examples, by the keys ``votes`` and ``swaps`` of ``config``; a configuration may lack either."""
    taught = to_examples(task, rows)
    if getattr(config, "votes", 0):
        taught = heed_votes(task, taught, rows, config.votes)
    if getattr(config, "swaps", ""):
        taught = exchange(taught, read_swaps(config.swaps, task), config.seed)
    return taught
