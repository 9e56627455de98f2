"""Corpus to model: fitted, calibrated, judged, saved with its evaluation beside it."""

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.calibrate import Calibration, fit_calibration
from pipeline.challenge import Case, failure_rates, run_cases
from pipeline.corpus import Corpus, Row, to_examples
from pipeline.distill import read_answers, read_unlabelled, soften
from pipeline.drift import Drift, measure, words_of
from pipeline.errors import ConfigError, DataError, ModelError
from pipeline.evaluate import SMALLEST_SLICE, Metrics, best_thresholds, certainty_limits, hard, judge, labels_of
from pipeline.lessons import lessons
from pipeline.model import Model, check_task, load_model, save_model
from pipeline.task import Decisions, Examples, Scores, Task, names


@dataclass(frozen=True)
class Evaluation:
    """How a model did: what is logged, shown and kept in ``evaluation.json`` beside the weights."""

    metrics: Metrics
    history: list[tuple[int, str, float]]
    predictions: list[dict[str, Any]]
    record: dict[str, Any]

    def save(self, folder: Path) -> None:
        (folder / "evaluation.json").write_text(json.dumps(vars(self), ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Evaluation":
        try:
            content = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
            return cls(content["metrics"], [(int(s), str(n), float(v)) for s, n, v in content["history"]],
                       content["predictions"], content["record"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{folder / 'evaluation.json'}: missing or damaged ({error})") from None


def train(name: str, config: Any, corpus: Corpus, out: Path, certainty: Mapping[str, float],
          record: Mapping[str, Any], cases: Sequence[Case] = ()) -> tuple[Model, Evaluation]:
    """Fit ``config`` on the train split, calibrate and set thresholds on valid, judge on valid and test, save to
    ``out/name``. ``certainty`` is the accuracy, a head, that rows not marked uncertain should reach; ``record`` is what
    the run's log should say of where the data and the code came from.
    """
    task = corpus.task
    for split in ("train", "valid", "test"):
        if not corpus.part(split):
            raise DataError(f"no sentence in split '{split}'; add events or a 'split' column ({len(corpus.rows)} rows)")
    started = time.perf_counter()
    (fit, asked), valid = _taught(config, corpus), corpus.examples("valid")
    classifier = config.build(task).fit(fit, valid)
    raw = classifier.predict_proba(valid.sentences)
    calibration: Calibration = fit_calibration(task, valid.targets, raw)
    scores = calibration.apply(task, raw)
    thresholds = best_thresholds(task, valid.targets, scores)
    limits = certainty_limits(task, valid.targets, scores, thresholds, certainty)
    seconds = time.perf_counter() - started
    model = Model(name, task, config, classifier, calibration, thresholds, limits, corpus.fingerprint(),
                  words=frozenset(words_of(text for s in fit.sentences for text in (s.text, s.context))),
                  about={"train_sentences": len(fit.sentences), "commit": record.get("tags", {}).get("commit", "")})
    metrics, predictions, reference = evaluate_on_splits(model, corpus)
    about = {**model.about, "confusion": confusion(task, predictions), "reference": reference.model_dump()}
    model = save_model(replace(model, about=about), out / name)
    metrics |= failure_rates(run_cases(model, cases)) | getattr(classifier, "export_", {})
    metrics |= {"train/seconds": seconds, **({"train/taught": asked} if asked is not None else {})}
    evaluation = Evaluation(metrics, getattr(classifier, "history_", []), predictions,
                            {**record, "cases": [case.model_dump() for case in cases]})
    evaluation.save(out / name)
    return model, evaluation


def _taught(config: Any, corpus: Corpus) -> tuple[Examples, float | None]:
    """The training split as lessons, softened by the teacher where the configuration names one, and the share of its
    sentences that the teacher was asked about. The teacher reads them as written: an exchange of names must not matter.
    """
    train = lessons(config, corpus.task, corpus.part("train"))
    if not getattr(config, "teacher", ""):
        return train, None
    written = [row.sentence for row in corpus.part("train")]
    if Path(config.teacher).is_file() or config.teacher.endswith(".jsonl"):
        if config.unlabelled:
            raise ConfigError(f"teacher '{config.teacher}' is a file of answers, so nothing is known of the unlabelled "
                              f"articles {', '.join(config.unlabelled)}; name the trained model's folder")
        answers = read_answers(Path(config.teacher), corpus.task, written)
        asked = float(np.mean(~np.isnan(next(iter(answers.values()))[:, 0])))
        return soften(train, answers, config.teacher_share), asked
    teacher = load_model(config.teacher)
    check_task(teacher, corpus.task)
    held_out = corpus.examples("valid").sentences + corpus.examples("test").sentences
    with tempfile.TemporaryDirectory() as spool:
        unlabelled = read_unlabelled(config.unlabelled, held_out, Path(spool)) if config.unlabelled else []
    taught = teacher.predict_proba([*written, *unlabelled])
    return soften(train, taught, config.teacher_share, unlabelled), 1.0


def evaluate_on_splits(model: Model, corpus: Corpus) -> tuple[Metrics, list[dict[str, Any]], Drift]:
    """Metrics on test and valid (named ``<split>/...``, headline first), every test row with its probabilities, and what
    labels, confidence and words are like on test: text that the model was not trained on.
    """
    rows = corpus.part("test")
    on_test, scores = evaluate(model, rows)
    on_valid, _ = evaluate(model, corpus.part("valid"))
    metrics = {f"{split}/{key}": value for split, found in (("test", on_test), ("valid", on_valid))
               for key, value in found.items()}
    metrics |= sliced(model, rows, scores)
    reference = measure(model.task, [row.sentence for row in rows], scores, model.decide(scores), model.words)
    return metrics, describe(model, rows, scores), reference


def sliced(model: Model, rows: Sequence[Row], scores: Scores) -> Metrics:
    """F1 of every head, with its interval, and label, on test sentences of one genre or voice: ``genre/<value>/...``.

    Left out: genres and voices of fewer than 30 sentences.
    """
    found: Metrics = {}
    for column in ("genre", "voice"):
        values = np.array([row.meta.get(column, "") for row in rows])
        for value in sorted(set(values) - {""}):
            at = np.flatnonzero(values == value).tolist()
            if len(at) >= SMALLEST_SLICE:
                part = to_examples(model.task, [rows[i] for i in at])
                judged = judge(model.task, part.targets, {name: values_[at] for name, values_ in scores.items()},
                               model.thresholds, part.groups)
                found |= {f"{column}/{value}/{key}": number for key, number in judged.items()
                          if "f1" in key.rsplit("/", 1)[-1] or key == "sentences"}
    return found


def confusion(task: Task, predictions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts of gold by predicted labels: (labels, labels) of a one-of head, (labels, 2, 2) of a many-of head."""
    counts: dict[str, Any] = {}
    for name, head in task.heads.items():
        gold, decided = (labels_of(head, predictions, column).astype(int) for column in (f"gold/{name}", name))
        if head.kind == "one":
            counts[name] = (gold.T @ decided).tolist()
        else:
            both, found, there = (gold & decided).sum(0), decided.sum(0), gold.sum(0)
            counts[name] = [[[int(len(gold) - t - f + b), int(f - b)], [int(t - b), int(b)]]
                            for b, f, t in zip(both, found, there, strict=True)]
    return counts


def evaluate(model: Model, rows: list[Row]) -> tuple[Metrics, Scores]:
    """All metrics of ``model`` on ``rows``, with the scores they rest on."""
    task = model.task
    examples = to_examples(task, rows)
    scores = model.predict_proba(examples.sentences)
    metrics = judge(task, examples.targets, scores, model.thresholds, examples.groups)
    unsure = model.uncertain(scores)
    metrics["uncertain"] = float(unsure.mean())
    gold, decided = hard(task, examples.targets), model.decide(scores)
    for name in task.heads:
        if not unsure.all():
            metrics[f"{name}/certain_accuracy"] = float((gold[name] == decided[name]).all(1)[~unsure].mean())
    return metrics, scores


def describe(model: Model, rows: list[Row], scores: Scores) -> list[dict[str, Any]]:
    """A row a sentence: id, text, gold and predicted labels, every probability, and whether any head is wrong."""
    task: Task = model.task
    gold: Decisions = hard(task, to_examples(task, rows).targets)
    decided = model.decide(scores)
    gold_names, decided_names = names(task, gold), names(task, decided)
    wrong = np.any([(gold[name] != decided[name]).any(1) for name in task.heads], axis=0)
    table = []
    for i, row in enumerate(rows):
        line: dict[str, Any] = {"id": f"{row.sentence.article}:{row.sentence.position}", "text": row.sentence.text,
                                "previous": row.sentence.previous, "title": row.sentence.title,
                                "wrong": bool(wrong[i]), "case": row.case, **row.meta}
        for name in task.heads:
            line[f"gold/{name}"], line[name] = gold_names[name][i], decided_names[name][i]
        line |= {f"{head}/{label}": round(float(scores[head][i, at]), 4) for head, label, at in task.columns()}
        table.append(line)
    return table
