"""Search for hyperparameters with Optuna: resumable, pruned, over the space declared beside each estimator."""

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.corpus import Corpus, Row, to_examples
from pipeline.errors import ConfigError
from pipeline.evaluate import best_thresholds, judge
from pipeline.lessons import lessons
from pipeline.task import Task

if TYPE_CHECKING:
    from optuna import Study, Trial

#: Folds of the event-grouped cross-validation.
FOLDS = 4


def search(config: Any, corpus: Corpus, trials: int, storage: str,
           report: Callable[[int, float, Mapping[str, Any]], None] = lambda number, value, params: None) -> "Study":
    """Run ``trials`` more trials of the study of this configuration and corpus; ``report`` hears of each that ends.

    The value to maximise is the mean of the heads' macro-F1. A configuration with ``folds`` is cross-validated over events
    in train and valid; others train on train and are judged on valid. The test split is never looked at.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=f"{config.classifier}-{_digest(config)}-{corpus.fingerprint()[:12]}", storage=storage,
        direction="maximize", load_if_exists=True, sampler=optuna.samplers.TPESampler(seed=config.seed),
        pruner=optuna.pruners.MedianPruner(3))
    if not len(study.trials):
        study.enqueue_trial({name: getattr(config, name) for name in config.space_names()})

    def finished(study: "Study", trial: Any) -> None:
        if trial.value is not None:
            report(trial.number, trial.value, trial.params)

    study.optimize(lambda trial: _value(config, corpus, trial), n_trials=trials, callbacks=[finished])
    return study


def best_config(config: Any, study: "Study") -> Any:
    """``config`` with the best trial's parameters. Raises ConfigError when no trial has ended."""
    try:
        return config.model_copy(update=study.best_params)
    except ValueError:
        raise ConfigError(f"study {study.study_name}: no trial has ended yet") from None


def _digest(config: Any) -> str:
    """Tells studies of different fixed settings apart: their values cannot be compared."""
    fixed = config.model_dump_json(exclude=set(config.space_names()))
    return hashlib.sha256(fixed.encode()).hexdigest()[:8]


def _value(config: Any, corpus: Corpus, trial: "Trial") -> float:
    import optuna

    tried = type(config).model_validate({**config.model_dump(), **config.space(trial)})
    values: list[float] = []
    for step, (fit, held_out) in enumerate(_folds(corpus, FOLDS if config.cross_validated else 1)):
        values.append(_score(corpus.task, tried, fit, held_out))
        trial.report(float(np.mean(values)), step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return float(np.mean(values))


def _folds(corpus: Corpus, count: int) -> list[tuple[list[Row], list[Row]]]:
    if count == 1:
        return [(corpus.part("train"), corpus.part("valid"))]
    from sklearn.model_selection import GroupKFold

    rows = corpus.part("train") + corpus.part("valid")
    parts = GroupKFold(count).split(rows, groups=[row.event for row in rows])
    return [([rows[i] for i in fit], [rows[i] for i in rest]) for fit, rest in parts]


def _score(task: Task, config: Any, fit: list[Row], rest: list[Row]) -> float:
    held_out = to_examples(task, rest)
    scores = config.build(task).fit(lessons(config, task, fit), held_out).predict_proba(held_out.sentences)
    metrics = judge(task, held_out.targets, scores, best_thresholds(task, held_out.targets, scores), held_out.groups)
    return float(np.mean([metrics[f"{name}/macro_f1"] for name in task.heads]))
