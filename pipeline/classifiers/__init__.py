"""Classifiers: four verbs each (``fit``, ``predict_proba``, ``save``, ``load``); none knows files of articles."""

from pathlib import Path
from typing import Annotated, Protocol, Self

from pydantic import Field

from pipeline.classifiers.cascade import CascadeConfig
from pipeline.classifiers.tfidf import TfidfConfig
from pipeline.classifiers.transformer import TransformerConfig
from pipeline.task import Examples, Scores, Sentence


class Classifier(Protocol):
    """What training, judging and scoring ask of a model. A configuration builds or loads it."""

    def fit(self, train: Examples, valid: Examples) -> Self:
        """Learn from ``train``; ``valid`` is for stopping early only."""

    def predict_proba(self, sentences: list[Sentence]) -> Scores:
        """Probabilities of every label, shape (n, labels) a head, whatever the order or size of the batch."""

    def save(self, folder: Path) -> None:
        """Write the weights, in formats that cannot run code."""


#: The configurations, told apart by their key ``classifier``. Each has ``build(task)`` and ``load(task, folder)``.
ClassifierConfig = Annotated[TfidfConfig | TransformerConfig | CascadeConfig, Field(discriminator="classifier")]
