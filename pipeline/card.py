"""The model card (Mitchell et al. 2019): what a model is for, what it was trained on, how well it does and where not."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.analysis import slices
from pipeline.evaluate import with_interval
from pipeline.model import Description
from pipeline.train import Evaluation


def model_card(model_id: str, description: Description, evaluation: Evaluation) -> str:
    """The card as Markdown, every figure from the evaluation on the test split, with 95% intervals."""
    task, metrics, record = description.task, evaluation.metrics, evaluation.record
    heads = [f"- **{name}** ({'exactly one of' if head.kind == 'one' else 'any of'}): {', '.join(head.labels)}"
             for name, head in task.heads.items()]
    return "\n".join([
        f"# {model_id}", "",
        f"Classifies single sentences of news articles. Task `{task.name}`, codebook {description.codebook}.", "",
        *heads, "",
        "## Intended use", "",
        "Counting and comparing stances over many articles, finding passages to read, and pre-labelling for people. Not for "
        "judging a person by a sentence, nor for a claim that rests on a single label. English news text only.", "",
        "## Data", "",
        f"{record['params']['train_sentences']} training, {record['params']['valid_sentences']} valid and "
        f"{record['params']['test_sentences']} test sentences from {record['dataset']['source']} (fingerprint "
        f"`{description.corpus[:16]}`), split by event. See that data's own datasheet for who wrote and labelled it.", "",
        "## Figures on the test split", "",
        _table(["head", "label", "F1", "precision", "recall", "gold"], _rows(description, metrics)), "",
        *(f"- {name}: calibration error {metrics[f'test/{name}/ece']:.3f}; accuracy {metrics[f'test/{name}/accuracy']:.3f}, "
          f"where certain {metrics.get(f'test/{name}/certain_accuracy', float('nan')):.3f}" for name in task.heads),
        f"- marked uncertain: {metrics['test/uncertain']:.1%} of the sentences", "",
        *_weak(description, evaluation.predictions), *_behaviour(metrics),
        "## Limits", "",
        "Probabilities are calibrated on text like the valid split; other outlets, times and topics shift them, and `stance "
        "score` warns when a batch is far away. Sarcasm, pronouns and two-sided sentences are hardest. Labels follow the "
        "codebook, which another reader may find wrong.", "",
        "## Versions", "",
        ", ".join(f"{package} {version}" for package, version in description.versions.items()), ""])


def _rows(description: Description, metrics: Mapping[str, float]) -> list[list[Any]]:
    rows = []
    for name, head in description.task.heads.items():
        rows.append([name, "macro", with_interval(metrics, f"test/{name}/macro_f1"), "", "", ""])
        for label in head.labels:
            key = f"test/{name}/{label}"
            rows.append(["", label, with_interval(metrics, f"{key}/f1"), f"{metrics[f'{key}/precision']:.3f}",
                         f"{metrics[f'{key}/recall']:.3f}", f"{metrics[f'{key}/count']:.0f}"])
    return rows


def _weak(description: Description, predictions: Sequence[Mapping[str, Any]]) -> list[str]:
    found = [s for s in slices(description.task, predictions) if s.f1 < s.rest and s.p < 0.05]
    if not found:
        return ["No genre, voice, region or year is significantly worse than the rest.", ""]
    rows = [[s.head, f"{s.column}: {s.value}", s.sentences, f"{s.f1:.3f} ({s.low:.3f} to {s.high:.3f})", f"{s.rest:.3f}"]
            for s in found]
    return ["Significantly worse than the rest:", "", _table(["head", "slice", "sentences", "macro-F1", "rest"], rows), ""]


def _behaviour(metrics: Mapping[str, float]) -> list[str]:
    names = [name for name in metrics if name.startswith("challenge/") and name.endswith("/failure_rate")]
    if not names:
        return []
    rows = [[name.removeprefix("challenge/").removesuffix("/failure_rate"), with_interval(metrics, name)] for name in names]
    return ["## Behaviour", "", "Failure rates on hand-made cases; those of kind `invariance` are flip rates: how often the "
            "labels change when only a party, name, nationality, gender or outlet does.", "",
            _table(["behaviour", "failure rate"], rows), ""]


def _table(headers: Sequence[str], rows: list[list[Any]]) -> str:
    from tabulate import tabulate

    return str(tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True))
