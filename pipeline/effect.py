"""What new labels changed: the model trained now against the one before it, on the test rows of every source."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.compare import Difference, compare
from pipeline.corpus import Corpus, Row, to_examples
from pipeline.evaluate import Metrics, hard
from pipeline.model import Model, check_task


def sources(corpus: Corpus, data: Sequence[str | Path]) -> dict[str, list[Row]]:
    """Test rows of each labelled file or folder in ``data``, under its name, and of ``all`` together; some may be none."""
    found: dict[str, list[Row]] = {}
    for number, source in enumerate(map(Path, data), 1):
        file = source / "sentences.jsonl" if source.is_dir() else source
        name = re.sub(r"[^\w.-]", "_", source.resolve().stem)
        name = f"{name}-{number}" if name in {*found, "all"} else name
        found[name] = [row for row in corpus.part("test") if row.where.startswith(f"{file}:")]
    return {**found, "all": corpus.part("test")} if len(found) > 1 else found


def effect(before: Model, after: Model, sets: Mapping[str, list[Row]]) -> dict[str, list[Difference]]:
    """Paired comparison, ``after`` minus ``before``, on each set that holds a row, with p corrected inside the set.

    Raises ModelError when the two models answer other questions.
    """
    check_task(before, after.task)
    task = after.task
    rows = list({row.where: row for part in sets.values() for row in part}.values())  # each is scored once, not once a set
    at = {row.where: i for i, row in enumerate(rows)}
    old, new = (model.decide(model.predict_proba([row.sentence for row in rows])) for model in (before, after))
    found = {}
    for name, part in sets.items():
        if part:
            picked, examples = [at[row.where] for row in part], to_examples(task, part)
            then, now = ({head: values[picked] for head, values in each.items()} for each in (old, new))
            found[name] = compare(task, hard(task, examples.targets), then, now, examples.groups)
    return found


def effect_metrics(found: Mapping[str, Sequence[Difference]]) -> Metrics:
    """``changed/<set>/<head>/<label or macro>`` with ``_low``, ``_high`` and ``_p`` (corrected): what a run logs."""
    metrics: Metrics = {}
    for name, differences in found.items():
        for d in differences:
            key = f"changed/{name}/{d.head}/{d.label}"
            metrics |= {key: d.difference, f"{key}_low": d.low, f"{key}_high": d.high, f"{key}_p": d.p_corrected}
    return metrics
