"""The transformer without torch: the exported graph answers as the network does, quickly, and never in silence otherwise."""

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from pipeline.classifiers import transformer
from pipeline.classifiers.encoders import find_encoder
from pipeline.classifiers.runtime import TorchSession
from pipeline.classifiers.tokens import batches, encode
from pipeline.classifiers.transformer import TransformerConfig, compare
from pipeline.corpus import read_corpus
from pipeline.task import Examples, Sentence, Task

SEEDS = Path(__file__).parent.parent / "seeds"
ODD = [Sentence("He said the wall was done.", "Officials met."), Sentence("Yes.", title="A vote"), Sentence(""),
       Sentence("wall " * 300, "The mayor spoke."), Sentence("A judge ruled.", "on and on " * 100),
       Sentence("Стена \U0001f9f1")]
TARGETS = np.eye(2)[[0, 1, 0, 1, 0, 1]]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(Path(find_encoder("minilm")) / "tokenizer.json"))


def fit(task: Task, examples: Examples, **settings: Any) -> Any:
    config = TransformerConfig(**{"epochs": 1, "batch_size": 16, "seed": 1, **settings})
    return config.build(task).fit(examples, examples)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Task, Any, Path]:
    """A model of six odd sentences, and the folder it is saved in."""
    task = Task.model_validate({"name": "odd", "codebook": "1", "heads": {"side": {"kind": "one", "labels": ["a", "b"]}}})
    model = fit(task, Examples(ODD, {"side": TARGETS}, np.ones(len(ODD)), [""] * len(ODD)))
    folder = tmp_path_factory.mktemp("odd")
    model.save(folder)
    return task, model, folder


def test_tokens_are_those_of_transformers(tokenizer: Tokenizer) -> None:
    """Sentence and context become the ids that the tokenizer of transformers makes of them, cut or not."""
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(find_encoder("minilm"))
    ours = encode(tokenizer, ODD, context=True, longest=64)
    for i, sentence in enumerate(ODD):
        how = "longest_first" if len(sentence.text) > 500 else "only_second"
        expected = theirs([sentence.text or " "], [sentence.context], truncation=how, max_length=64)
        assert ours["input_ids"][i] == expected["input_ids"][0]
        assert ours["token_type_ids"][i] == expected["token_type_ids"][0]
        assert sum(ours["own_mask"][i]) == expected.encodings[0].sequence_ids.count(0)


def test_a_long_sentence_changes_no_other(tokenizer: Tokenizer) -> None:
    """How a sentence is cut does not depend on what stands beside it."""
    together = encode(tokenizer, ODD, context=True, longest=32)
    for i, sentence in enumerate(ODD):
        assert encode(tokenizer, [sentence], context=True, longest=32)["input_ids"] == [together["input_ids"][i]]


def test_batches_hold_every_sentence_once_and_bounded_tokens(tokenizer: Tokenizer) -> None:
    """Batches are a partition of the sentences, of at most 2,048 padded tokens, with a mask of what is not padding."""
    sentences = [Sentence("wall " * (1 + i % 90), "It rained.") for i in range(2500)]
    seen: list[int] = []
    for rows, feed in batches(tokenizer, sentences, context=True, longest=128, pad_id=0):
        seen += rows
        assert feed["input_ids"].size <= 2048
        assert {values.shape for values in feed.values()} == {feed["input_ids"].shape}
        assert ((feed["input_ids"] != 0) == feed["attention_mask"]).all()
    assert sorted(seen) == list(range(2500))


def test_labels_and_probabilities_hold_on_the_seeds(task: Task) -> None:
    """By default, the export gives 99.5% of seed sentences the network's labels and moves probabilities by little."""
    examples = read_corpus([SEEDS / "sentences.jsonl"], task).examples("train")
    some = slice(0, None, max(1, len(examples.sentences) // 160))
    model = fit(task, Examples(examples.sentences[some], {k: v[some] for k, v in examples.targets.items()},
                               examples.weights[some], examples.groups[some]), epochs=2)
    sentences = examples.sentences[::max(1, len(examples.sentences) // 800)]
    found = compare(task, model.logits(sentences), model.logits(sentences, TorchSession(model.network_)))
    assert found["export/same_labels"] >= 0.995
    assert found["export/mean_change"] <= 0.02
    assert model.export_.keys() >= {"export/macro_f1", "export/original_macro_f1"}


def test_eight_bits_are_a_choice_and_say_so(small: tuple[Task, Any, Path], tmp_path: Path) -> None:
    """The 8-bit graph answers only where it is asked for; it is named as such and survives a round trip."""
    task, model, _ = small
    assert TransformerConfig().runtime == "openvino"
    assert "int8" not in model.runtime_
    eight = fit(task, Examples(ODD, {"side": TARGETS}, np.ones(len(ODD)), [""] * len(ODD)), runtime="openvino-int8")
    assert eight.runtime_.startswith("openvino int8")
    eight.save(tmp_path)
    again = eight.config.load(task, tmp_path)
    np.testing.assert_array_equal(again.logits(ODD), eight.logits(ODD))
    np.testing.assert_allclose(eight.logits(ODD), model.logits(ODD), atol=0.5)


def test_scoring_imports_neither_torch_nor_transformers(small: tuple[Task, Any, Path]) -> None:
    """A saved model answers without the libraries it was trained with, which take seconds to import."""
    task, _, folder = small
    code = ("import sys; from pathlib import Path; from pipeline.task import Sentence, Task; "
            "from pipeline.classifiers.transformer import TransformerConfig; "
            f"task = Task.model_validate_json({task.model_dump_json()!r}); "
            f"model = TransformerConfig().load(task, Path({str(folder)!r})); "
            "model.predict_proba([Sentence('Build it.')] * 50); "
            "print(model.runtime_.split()[0], [m for m in ('torch', 'transformers', 'onnx') if m in sys.modules])")
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "openvino []\n"


def test_a_fallback_to_torch_is_said_aloud(small: tuple[Task, Any, Path], tmp_path: Path,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    """Without graph or OpenVINO, torch answers almost the same, and a warning gives the reason."""
    task, model, folder = small
    monkeypatch.setattr(transformer, "find_spec", lambda name: None if name == "openvino" else object())
    with pytest.warns(RuntimeWarning, match="openvino is not installed, so torch answers"):
        slow = model.config.load(task, folder)
    assert slow.runtime_ == "torch f32"
    np.testing.assert_allclose(slow.logits(ODD), model.logits(ODD), atol=0.1)
    monkeypatch.undo()
    slow.save(tmp_path)  # a loaded model is saved as it was
    (tmp_path / "model.onnx").unlink()
    with pytest.warns(RuntimeWarning, match=r"holds no model\.onnx"):
        model.config.load(task, tmp_path)


def test_torch_can_be_asked_for(small: tuple[Task, Any, Path]) -> None:
    """With ``runtime: torch`` the network itself answers, without a warning."""
    task, _, folder = small
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert TransformerConfig(runtime="torch").load(task, folder).runtime_ == "torch f32"
