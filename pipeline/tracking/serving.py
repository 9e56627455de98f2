"""The model as MLflow serves it: a pyfunc defined by this file (models from code), so that nothing is pickled."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.pyfunc import PythonModel
from mlflow.types import ColSpec, DataType, Schema
from mlflow.types.schema import Array

from pipeline.articles import Article
from pipeline.sentences import sentences_of
from pipeline.task import Sentence, Task

if TYPE_CHECKING:
    from pipeline.model import Model

#: All optional to MLflow; a row holds ``text`` or ``article``.
_INPUTS = ("text", "previous", "article", "title", "id")


class StancePyfunc(PythonModel):  # type: ignore[misc]
    """Sentences or whole articles to the rows that ``stance score`` writes, in the order of the request.

    A row holds ``text``, one sentence (with ``previous``, the sentence before it, where known), or ``article``, a whole
    text that is split here; either may have a ``title`` and an ``id``. Each sentence makes one row of output: ``article``
    is the id, else the number of the request's row, from 0; ``start`` and ``end`` count characters in the text sent.
    """

    model: "Model"

    def load_context(self, context: Any) -> None:
        from pipeline.model import load_model

        self.model = load_model(Path(context.artifacts["model"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        from pipeline.score import predict_distinct, row_table

        cells = [model_input[name].fillna("").astype(str) if name in model_input else [""] * len(model_input)
                 for name in _INPUTS]
        sentences = [found for at, row in enumerate(zip(*cells, strict=True)) for found in _sentences(at, *row)]
        return pd.DataFrame(row_table(self.model, sentences, *predict_distinct(self.model, sentences)).to_pydict())


def _sentences(at: int, text: str, previous: str, article: str, title: str, name: str) -> list[Sentence]:
    """The sentences of the request's row ``at``. Raises MlflowException (HTTP 400) unless it holds text or article."""
    if bool(text.strip()) == bool(article.strip()):
        raise MlflowException.invalid_parameter_value(
            f"row {at} must hold either 'text' (a sentence) or 'article' (a whole text)")
    name = name or str(at)
    if article:
        return sentences_of(Article(name, article, title))
    return [Sentence(text, previous, title, name, 0, 0, len(text))]


def signature(task: Task) -> ModelSignature:
    """Inputs and outputs of ``StancePyfunc`` for ``task``."""
    outputs = [("article", DataType.string), ("sentence_index", DataType.integer), ("start", DataType.integer),
               ("end", DataType.integer), ("text", DataType.string)]
    for name, head in task.heads.items():
        outputs += [(name, DataType.string), (f"{name}_score", DataType.float)] if head.kind == "one" \
            else [(name, Array(DataType.string))]
    outputs += [("uncertain", DataType.boolean)]
    outputs += [(f"{head}/{label}", DataType.float) for head, label, _ in task.columns()]
    outputs += [("model", DataType.string), ("codebook", DataType.string)]
    outputs += [("holder_start", DataType.integer), ("holder_end", DataType.integer)]
    columns = [ColSpec(kind, name) for name, kind in outputs]
    columns += [ColSpec(DataType.string, name, required=False) for name in ("holder", "answered_by")]  # not in every answer
    return ModelSignature(Schema([ColSpec(DataType.string, name, required=False) for name in _INPUTS]), Schema(columns))


def input_example() -> pd.DataFrame:
    """One sentence with what stands before it."""
    return pd.DataFrame({"text": ["The county will no longer honor detainer requests."],
                         "previous": ["Commissioners met on Tuesday."], "title": ["County votes on detainers"]})


mlflow.models.set_model(StancePyfunc())
