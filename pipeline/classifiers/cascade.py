"""Two models as one: the fast one answers what it is certain of, the full one answers the rest."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, TypeAdapter

from pipeline.calibrate import Calibration
from pipeline.classifiers.tfidf import TfidfConfig
from pipeline.classifiers.transformer import TransformerConfig
from pipeline.config import Settings
from pipeline.errors import ConfigError, ModelError
from pipeline.task import BoolArray, Decisions, Examples, Scores, Sentence, Task, Thresholds, confidence, decide

_FAST, _FULL, _LIMITS = "fast", "full", "limits.json"
_PART = TypeAdapter(Annotated[TfidfConfig | TransformerConfig, Field(discriminator="classifier")])


class CascadeConfig(Settings):
    """Hyperparameters of CascadeClassifier: two trained models, and how often the fast one must agree where it answers."""

    uses_all_cores: ClassVar[bool] = True
    classifier: Literal["cascade"] = "cascade"
    fast: str = Field("models/tfidf", description="folder of the fast model")
    full: str = Field("models/transformer", description="folder of the full model")
    agreement: float = Field(0.97, gt=0, le=1, description="share of answered sentences on which the labels are the same")
    seed: int = 0

    def build(self, task: Task) -> "CascadeClassifier":
        return CascadeClassifier(task, self)

    def load(self, task: Task, folder: Path) -> "CascadeClassifier":
        return CascadeClassifier.load(task, self, folder)


@dataclass(frozen=True)
class _Part:
    """A trained model inside the cascade."""

    folder: Path
    classifier: Any
    calibration: Calibration
    thresholds: Thresholds

    def scores(self, task: Task, sentences: list[Sentence]) -> Scores:
        return self.calibration.apply(task, self.classifier.predict_proba(sentences))

    def decide(self, task: Task, scores: Scores) -> Decisions:
        return decide(task, scores, self.thresholds)

    def plain(self, task: Task, scores: Scores) -> Scores:
        """Scores moved so that this model's labels are those of the plain rule (largest, or at least 0.5)."""
        moved: Scores = {}
        for name, head in task.heads.items():
            cut = self.thresholds.get(name, np.full(len(head.labels), 0.5 if head.kind == "many" else 1.0))
            if head.kind == "one":
                ratio = scores[name] / cut
                moved[name] = ratio / ratio.sum(1, keepdims=True)
            else:
                odds = scores[name] * (1 - cut)
                moved[name] = odds / (odds + (1 - scores[name]) * cut)
        return moved


class CascadeClassifier:
    """Learned: ``limits_``, per head the confidence from which the fast model's answer stands."""

    def __init__(self, task: Task, config: CascadeConfig) -> None:
        self.task = task
        self.config = config

    def fit(self, train: Examples, valid: Examples) -> "CascadeClassifier":
        """Read the two trained models and set the limits on ``valid``; ``train`` is not used."""
        self._fast, self._full = (_read(self.task, Path(folder)) for folder in (self.config.fast, self.config.full))
        fast = self._fast.scores(self.task, valid.sentences)
        answers = self._fast.decide(self.task, fast)
        wanted = self._full.decide(self.task, self._full.scores(self.task, valid.sentences))
        self.limits_ = {name: _limit(confidence(head, fast[name]), (answers[name] == wanted[name]).all(1),
                                     self.config.agreement) for name, head in self.task.heads.items()}
        return self

    def predict_proba(self, sentences: list[Sentence]) -> Scores:
        """Probabilities of every label, shape (n, labels) a head."""
        return self.answer(sentences)[0]

    def answer(self, sentences: list[Sentence]) -> tuple[Scores, list[str]]:
        """Probabilities, and for each sentence which model gave them: "fast" or "full"."""
        fast = self._fast.scores(self.task, sentences)
        sure: BoolArray = np.all([confidence(head, fast[name]) >= self.limits_[name]
                                  for name, head in self.task.heads.items()], axis=0)
        scores = self._fast.plain(self.task, fast)
        rest = [sentence for sentence, certain in zip(sentences, sure, strict=True) if not certain]
        if rest:
            full = self._full.plain(self.task, self._full.scores(self.task, rest))
            for name in scores:
                scores[name][~sure] = full[name]
        return scores, [_FAST if certain else _FULL for certain in sure]

    def save(self, folder: Path) -> None:
        """Copy both models, so that the cascade stands alone, and write the limits."""
        for name, part in ((_FAST, self._fast), (_FULL, self._full)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            shutil.copytree(part.folder / "weights", folder / name / "weights", dirs_exist_ok=True)
            shutil.copy(part.folder / "model.json", folder / name / "model.json")
        (folder / _LIMITS).write_text(json.dumps(self.limits_), encoding="utf-8")

    @classmethod
    def load(cls, task: Task, config: CascadeConfig, folder: Path) -> "CascadeClassifier":
        """Read what ``save`` wrote. Raises ModelError when a file is missing, damaged or does not fit the task."""
        self = cls(task, config)
        self._fast, self._full = (_read(task, folder / name) for name in (_FAST, _FULL))
        try:
            limits = json.loads((folder / _LIMITS).read_text(encoding="utf-8"))
            self.limits_ = {name: float(limits[name]) for name in task.heads}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{folder / _LIMITS}: missing or damaged ({error})") from None
        return self


def _read(task: Task, folder: Path) -> _Part:
    try:
        described = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        heads = Task.model_validate(described["task"]).heads
        config = _PART.validate_python(described["config"])
        calibration = Calibration.model_validate(described["calibration"])
        thresholds = {name: np.array(values, dtype=float) for name, values in described["thresholds"].items()}
    except FileNotFoundError:
        raise ConfigError(f"{folder}: no trained model there; a cascade needs both of its models trained first") from None
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ModelError(f"{folder / 'model.json'}: damaged ({' '.join(str(error).split())[:200]})") from None
    if heads != task.heads:
        raise ModelError(f"{folder}: made for other heads ({', '.join(heads)}) than the cascade's ({', '.join(task.heads)})")
    return _Part(folder, config.load(task, folder / "weights"), calibration, thresholds)


def _limit(sure: Any, same: BoolArray, wanted: float) -> float:
    """The least confidence from which on the models agree on at least the wanted share; above 1 when none does."""
    order = np.argsort(-sure, kind="stable")
    agreement = np.cumsum(same[order]) / np.arange(1, len(sure) + 1)
    enough = np.flatnonzero(agreement >= wanted)
    return float(sure[order][enough[-1]]) if len(enough) else 2.0
