"""What a training shows at its end: the models side by side, what new labels changed, what bars a model from promotion."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.common import table

if TYPE_CHECKING:
    from pipeline.corpus import Corpus
    from pipeline.evaluate import Metrics
    from pipeline.gate import Gate
    from pipeline.model import Model


def earlier_model(name: str, registered: str, replaced: Path) -> "Model | None":
    """The model called ``name`` from before: the champion if it is one, else what lies in ``replaced``; None without."""
    from pipeline.errors import ModelError, TrackingError
    from pipeline.model import load_model
    from pipeline.promotion import champion_folder, has_champion

    if has_champion(registered):
        try:
            champion = load_model(champion_folder())
            if champion.name == name:
                return champion
        except (ModelError, TrackingError) as error:
            click.echo(f"stance: the champion cannot be compared: {error}", err=True)
    if not replaced.exists():
        return None
    try:
        return load_model(replaced)
    except ModelError as error:
        click.echo(f"stance: the earlier {name} cannot be compared: {error}", err=True)
        return None


def show_effect(before: "Model | None", folder: Path, corpus: "Corpus", data: Sequence[str]) -> None:
    """What the model in ``folder`` changed against ``before``, a source of ``data`` at a time; kept in its evaluation."""
    from pipeline.effect import effect, effect_metrics, sources
    from pipeline.errors import ModelError
    from pipeline.model import load_model
    from pipeline.train import Evaluation

    if before is None:
        click.echo(f"no earlier {folder.name} to compare with")
        return
    sets = sources(corpus, data)
    try:
        found = effect(before, load_model(folder), sets)
    except ModelError as error:
        click.echo(f"the earlier {folder.name} cannot be compared: {error}")
        return
    evaluation = Evaluation.load(folder)
    replace(evaluation, metrics={**evaluation.metrics, **effect_metrics(found)}).save(folder)
    click.echo(f"\nwhat changed since {before.id}, on test:")
    table([[name, len(sets[name]), d.head, d.a, d.b, f"{d.difference:+.3f} ({d.low:+.3f} to {d.high:+.3f})", d.p_corrected]
           for name, differences in found.items() for d in differences if d.label == "macro"],
          ["source", "sentences", "head", "macro-F1 before", "now", "difference (95% interval)", "p corrected"])
    for name in (name for name in sets if name not in found):
        click.echo(f"{name}: no test sentence, so nothing shows what its labels changed there")


def allows(gate: "Gate", name: str, metrics: "Metrics") -> bool:
    """Whether the gate lets the model be champion; says what stands against it."""
    from pipeline.gate import check

    first = next((c for c in check(gate, metrics) if not c.passed), None)
    if first:
        click.echo(f"no promotion: {name} has {first.name} {first.found}, wanted {first.wanted}")
    return first is None


def side_by_side(results: "list[tuple[str, Metrics, str]]", heads: list[str]) -> None:
    """A line a model: name, scores, time, version."""
    from pipeline.evaluate import with_interval

    columns = [(split, head) for head in heads for split in ("valid", "test")]
    rows = [[name, *(with_interval(metrics, f"{split}/{head}/macro_f1") for split, head in columns),
             f"{metrics['train/seconds']:.0f} s", version] for name, metrics, version in results]
    headers = ["model", *(f"{split} {head} macro-F1" for split, head in columns), "time", "version"]
    table(rows, headers)
