"""A saved model folder to MLflow: what a run shows besides numbers, and the upload of a folder trained offline."""

import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.analysis.page import analysis_page
from pipeline.card import model_card
from pipeline.challenge import Case, run_cases
from pipeline.corpus import SPLITS, Corpus
from pipeline.figures import training_figures
from pipeline.model import Description, load_model, model_id, read_description
from pipeline.sweep import summarise
from pipeline.tracking.runs import Registered, log_numbers, log_training
from pipeline.train import Evaluation


def publish(folder: Path, register: bool = True) -> Registered:
    """Log the training of ``folder`` as a run and register its model. Raises TrackingError when MLflow is away."""
    evaluation = Evaluation.load(folder)
    description = read_description(folder)
    figures = training_figures(description.task, evaluation)
    card = model_card(model_id(folder), description, evaluation)
    (folder / "model_card.md").write_text(card, encoding="utf-8")
    pages = {"analysis.html": _analysis(folder, evaluation), "model_card.md": card}
    return log_training(folder, evaluation, _note(description, evaluation), figures, pages, register)


def log_sweep(name: str, folders: Sequence[Path], evaluations: Sequence[Evaluation]) -> None:
    """Each training of a sweep as a flat run, and a run with mean, deviation and range; all share the tag ``sweep``."""
    sweep = f"{name}-{hashlib.sha256(str(evaluations[0].record).encode()).hexdigest()[:8]}"
    for folder, evaluation in zip(folders, evaluations, strict=True):
        evaluation.record["tags"]["sweep"] = sweep
        evaluation.save(folder)
        publish(folder, register=False)
    record = evaluations[0].record
    log_numbers(f"{name} sweep of {len(folders)}", summarise(evaluations), record["params"],
                {**record["tags"], "kind": "sweep summary"})


def make_record(corpus: Corpus, config: Any, sources: list[str]) -> dict[str, Any]:
    """Where data, settings and code of a training came from: data set, params (the whole configuration), tags."""
    parts = {split: len(corpus.part(split)) for split in SPLITS}
    fingerprint = corpus.fingerprint()
    return {
        "dataset": {"name": corpus.task.name, "digest": fingerprint, "source": ", ".join(sources)},
        "params": {**config.model_dump(mode="json"), **{f"{split}_sentences": count for split, count in parts.items()}},
        "tags": {"corpus": fingerprint, "codebook": corpus.task.codebook, "lock": _digest("requirements.lock"),
                 **{key: _digest(getattr(config, key, "")) for key in ("swaps", "teacher")},
                 "threads": os.environ.get("OMP_NUM_THREADS") or str(os.cpu_count()), **_commit()},
    }


def _analysis(folder: Path, evaluation: Evaluation) -> str:
    """The error page, beside what the other models in the same folder said of the same test sentences."""
    texts = [row["text"] for row in evaluation.predictions]
    others = {}
    for other in sorted(folder.parent.glob("*/evaluation.json")):
        if other.parent != folder:
            rows = Evaluation.load(other.parent).predictions
            if [row["text"] for row in rows] == texts:
                others[other.parent.name] = rows
    model = load_model(folder)
    cases = [Case.model_validate(case) for case in evaluation.record.get("cases", [])]
    return analysis_page(model, evaluation.predictions, others, run_cases(model, cases))


def _note(description: Description, evaluation: Evaluation) -> str:
    record, metrics = evaluation.record, evaluation.metrics
    rows = [f"| {head} | {metrics[f'test/{head}/macro_f1']:.3f} | {metrics[f'test/{head}/macro_f1_low']:.3f} to "
            f"{metrics[f'test/{head}/macro_f1_high']:.3f} |" for head in description.task.heads]
    return "\n".join([
        f"**{description.name}** on `{record['dataset']['name']}` (codebook {description.codebook}), "
        f"{record['params']['train_sentences']} training sentences.", "",
        "| head | macro-F1 on test | 95% interval |", "| --- | --- | --- |", *rows, "",
        "Intervals resample whole articles. `errors.json` lists every test sentence that some head got wrong."])


def _commit() -> dict[str, str]:
    """The code's commit and whether the tree differed from it; empty outside a checkout."""
    commit, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    if commit is None:
        return {}
    return {"commit": commit, "dirty": str(bool(changed)).lower()}


def _git(*arguments: str) -> str | None:
    found = subprocess.run(["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else None


def _digest(name: str) -> str:
    """SHA-256 of a file that shapes a training; empty where there is none."""
    path = Path(name)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
