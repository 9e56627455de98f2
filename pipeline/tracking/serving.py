"""The model as MLflow serves it: a pyfunc defined by this file (models from code), so that nothing is pickled."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.pyfunc import PythonModel
from mlflow.types import ColSpec, DataType, Schema

from pipeline.task import Sentence, Task, names

if TYPE_CHECKING:
    from pipeline.model import Model

_INPUTS = ("text", "previous", "title")


class StancePyfunc(PythonModel):  # type: ignore[misc]
    """Rows of ``text`` (a sentence), optionally with ``previous`` and ``title``, to labels and probabilities."""

    model: "Model"

    def load_context(self, context: Any) -> None:
        from pipeline.model import load_model

        self.model = load_model(Path(context.artifacts["model"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        cells = [model_input[name].fillna("").astype(str) if name in model_input else [""] * len(model_input)
                 for name in _INPUTS]
        scores = self.model.predict_proba([Sentence(*row) for row in zip(*cells, strict=True)])
        task = self.model.task
        out: dict[str, Any] = {}
        for name, labels in names(task, self.model.decide(scores)).items():
            out[name] = labels if task.heads[name].kind == "one" else [";".join(row) for row in labels]
        out["uncertain"] = self.model.uncertain(scores)
        out |= {f"{head}/{label}": scores[head][:, at] for head, label, at in task.columns()}
        return pd.DataFrame(out)


def signature(task: Task) -> ModelSignature:
    """Inputs and outputs of ``StancePyfunc`` for ``task``."""
    inputs = Schema([ColSpec(DataType.string, name, required=name == "text") for name in _INPUTS])
    outputs = [ColSpec(DataType.string, name) for name in task.heads]
    outputs += [ColSpec(DataType.boolean, "uncertain")]
    outputs += [ColSpec(DataType.double, f"{head}/{label}") for head, label, _ in task.columns()]
    return ModelSignature(inputs, Schema(outputs))


def input_example() -> pd.DataFrame:
    """One row of each input column."""
    return pd.DataFrame({"text": ["The county will no longer honor detainer requests."],
                         "previous": ["Commissioners met on Tuesday."], "title": ["County votes on detainers"]})


mlflow.models.set_model(StancePyfunc())
