"""``docs/results.md``: every figure of the trained models, written from their evaluations and never by hand."""

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.audit import agreement
from pipeline.compare import Difference
from pipeline.corpus import SPLITS, Corpus
from pipeline.evaluate import Metrics, with_interval
from pipeline.figures import training_figures
from pipeline.study import Point, needs
from pipeline.task import Task
from pipeline.train import Evaluation

Table = Sequence[Sequence[Any]]


class Study(NamedTuple):
    """A study as it was saved: fingerprint of its corpus and points, with where its figure is seen from the page."""

    corpus: str
    points: Sequence[Point]
    figure: str


def results_page(corpus: Corpus, evaluations: Mapping[str, Evaluation], differences: Mapping[str, Sequence[Difference]],
                 real: Mapping[str, Metrics], holders: Metrics | None = None, study: Study | None = None) -> str:
    """The page as Markdown. ``differences`` are by title; ``real`` holds metrics on real sentences, by model, if any.

    ``holders`` are the metrics of the holders found; ``study`` is a simulated study and its figure's address.
    """
    task = corpus.task
    commits = sorted({e.record["tags"].get("commit", "")[:12] or "unknown" for e in evaluations.values()})
    sections = [
        "# Results", "",
        "Written by `make results`; do not edit. Intervals are 95% and resample whole articles.", "",
        f"- corpus: {len(corpus.rows)} sentences, fingerprint `{corpus.fingerprint()}`",
        f"- code: {', '.join(commits)}; machine: {processor()}, Python {platform.python_version()}", "",
        "## Headline", "", _table(["model", *_heads(task), "training"], _headline(task, evaluations, "test/")), "",
        *_real(task, real),
        "## By label, on test", "", _table(["model", "head", "label", "F1", "precision", "recall", "average precision",
                                            "alpha", "gold"], _by_label(task, evaluations)), "",
        "## Agreement of the annotators", "",
        "Krippendorff's alpha of model against gold (above) can be read beside the annotators' own:", "",
        _table(["head", "label", "alpha", "kappa", "sentences"], agreement(corpus)), "",
        "## Calibration and certainty, on test", "",
        _table(["model", "head", "calibration error", "Brier", "accuracy", "accuracy where certain"],
               _certainty(task, evaluations)), "",
        _table(["model", "marked uncertain"], [[name, f"{e.metrics['test/uncertain']:.1%}"]
                                               for name, e in evaluations.items()]), "",
        *_differences(differences), *_behaviour(evaluations), *_holders(holders), *_study(corpus, study),
        *_figures(task, evaluations),
        "## The corpus", "", _table(["split", "sentences", "articles", "events"], _splits(corpus)), ""]
    return "\n".join(sections)


def write_figures(task: Task, evaluations: Mapping[str, Evaluation], folder: Path) -> None:
    """The figures that the page shows, as PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, evaluation in evaluations.items():
        for path, figure in training_figures(task, evaluation).items():
            figure.savefig(folder / f"{name}_{Path(path).name}", dpi=70, metadata={"Software": None})


def processor() -> str:
    """The processor's name and the number of cores."""
    import os

    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
    return f"{named}, {os.cpu_count()} cores"


def _headline(task: Task, evaluations: Mapping[str, Evaluation], prefix: str) -> Table:
    return [[name, *(with_interval(e.metrics, f"{prefix}{head}/macro_f1") for head in task.heads),
             f"{e.metrics['train/seconds']:.0f} s"] for name, e in evaluations.items()]


def _real(task: Task, real: Mapping[str, Metrics]) -> list[str]:
    if not real:
        return []
    count = next(iter(real.values()))["sentences"]
    rows = [[name, *(with_interval(metrics, f"{head}/macro_f1") for head in task.heads),
             *(f"{metrics[f'{head}/ece']:.3f}" for head in task.heads)] for name, metrics in real.items()]
    return [f"On {count:.0f} real sentences that are no part of this repository:", "",
            _table(["model", *_heads(task), *(f"{head} calibration error" for head in task.heads)], rows), ""]


def _by_label(task: Task, evaluations: Mapping[str, Evaluation]) -> Table:
    rows = []
    for name, e in evaluations.items():
        for head, label, _ in task.columns():
            key = f"test/{head}/{label}"
            rows.append([name, head, label, with_interval(e.metrics, f"{key}/f1"),
                         *(e.metrics.get(f"{key}/{x}", "-") for x in ("precision", "recall", "average_precision", "alpha")),
                         int(e.metrics[f"{key}/count"])])
    return rows


def _certainty(task: Task, evaluations: Mapping[str, Evaluation]) -> Table:
    return [[name, head, *(e.metrics.get(f"test/{head}/{x}", "-") for x in ("ece", "brier", "accuracy", "certain_accuracy"))]
            for name, e in evaluations.items() for head in task.heads]


def _differences(differences: Mapping[str, Sequence[Difference]]) -> list[str]:
    out = []
    for title, found in differences.items():
        rows = [[d.head, d.label, d.a, d.b, f"{d.difference:+.3f} ({d.low:+.3f} to {d.high:+.3f})", d.p, d.p_corrected]
                for d in found]
        out += [f"## {title}", "", _table(["head", "label", "F1 of the first", "F1 of the second", "difference", "p",
                                           "p corrected"], rows), ""]
    return out


def _behaviour(evaluations: Mapping[str, Evaluation]) -> list[str]:
    names = [name for e in evaluations.values() for name in e.metrics if name.endswith("/failure_rate")]
    if not names:
        return []
    rows = [[name.removeprefix("challenge/").removesuffix("/failure_rate"),
             *(with_interval(e.metrics, name) for e in evaluations.values())] for name in dict.fromkeys(names)]
    return ["## Behaviour", "", "Failure rates on `seeds/challenge.jsonl`, by kind and capability.", "",
            _table(["behaviour", *evaluations], rows), ""]


def _holders(metrics: Metrics | None) -> list[str]:
    if metrics is None:
        return []
    rows = [[name, with_interval(metrics, f"{name}_f1"), metrics[f"{name}_precision"], metrics[f"{name}_recall"]]
            for name in ("exact", "overlap")]
    return ["## Holders", "", f"Who is found to say a sentence, on the test half of `seeds/holders.jsonl` "
            f"({metrics['sentences']:.0f} sentences, {metrics['gold']:.0f} with a holder).", "",
            _table(["holder", "F1", "precision", "recall"], rows), ""]


def _study(corpus: Corpus, study: Study | None) -> list[str]:
    """How many labels each way of choosing needs; says so when the study was made on another corpus."""
    if study is None:
        return []
    other = "" if study.corpus == corpus.fingerprint() else f" The study was made on another corpus, `{study.corpus[:12]}`."
    seeds = len({point.seed for point in study.points})
    return ["## Choosing what to label", "",
            "`stance review study` hides the labels of the training split and reveals them in rounds, chosen as by "
            f"`stance review select` or by chance, both from the same first sentences drawn by chance ({seeds} seeds). "
            f"Labels needed until the mean F1 first reaches a share of the full pool's. Chance may reach all of it only "
            f"where every curve ends, at the full pool.{other}", "",
            _table(["split", "of the full pool's F1", "F1", "labels, selected", "labels, by chance", "ratio"],
                   needs(study.points)), "",
            f"![F1 by labels, selected and by chance]({study.figure})", ""]


def _figures(task: Task, evaluations: Mapping[str, Evaluation]) -> list[str]:
    out = ["## Figures", ""]
    for name, e in evaluations.items():
        out += [f"![{name}: {Path(path).stem}](figures/{name}_{Path(path).name})" for path in training_figures(task, e)]
    return [*out, ""]


def _splits(corpus: Corpus) -> Table:
    return [[split, len(part), len({row.sentence.article for row in part}), len({row.event for row in part})]
            for split in SPLITS for part in [corpus.part(split)]]


def _heads(task: Task) -> list[str]:
    return [f"{head} macro-F1" for head in task.heads]


def _table(headers: Sequence[str], rows: Table) -> str:
    from tabulate import tabulate

    return str(tabulate(rows, headers=headers, tablefmt="github", floatfmt=".3f"))
