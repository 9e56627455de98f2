"""The same input through other libraries and through our models: what tests/bench.py races."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.classifiers.tokens import encode
from pipeline.model import Model, load_model
from pipeline.task import Sentence

Way = Callable[[list[Sentence]], object]


def tfidf_ways(folder: Path, sentences: list[Sentence]) -> dict[str, Way]:
    """A plain scikit-learn pipeline with the same features, ours, and fastText where it is installed."""
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfVectorizer

    model = load_model(folder)
    ours, config = model.classifier, model.config
    vectorizers = []
    for name, kind in (("words", {"ngram_range": (1, config.word_ngrams)}),
                       ("chars", {"analyzer": "char_wb", "ngram_range": tuple(config.char_ngrams)}), ("context", {})):
        vocabulary = ours._vocabularies[name]  # type: ignore[attr-defined]
        vectorizer = TfidfVectorizer(sublinear_tf=True, vocabulary=vocabulary, **kind)
        vectorizer.idf_ = ours.blocks_[name].idf  # type: ignore[attr-defined]
        vectorizers.append(vectorizer)

    def plain(rows: list[Sentence]) -> object:
        texts, contexts = [s.text for s in rows], [s.context for s in rows]
        features = sparse.hstack([vectorizers[0].transform(texts), vectorizers[1].transform(texts),
                                  config.context * vectorizers[2].transform(contexts)], format="csr")
        return [features @ coef.T for coef in ours.coef_.values()]  # type: ignore[attr-defined]

    ways: dict[str, Way] = {"scikit-learn, same features": plain, "TF-IDF model": model.predict_proba}
    try:
        import fasttext
    except ImportError:
        return ways
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as data:
        data.writelines(f"__label__{i % 3} {s.text}\n" for i, s in enumerate(sentences))
        data.flush()
        fast = fasttext.train_supervised(data.name, wordNgrams=2, epoch=1, verbose=0)
    ways["fastText (other features)"] = lambda rows: fast.predict([s.text.replace("\n", " ") for s in rows])
    return ways


def transformer_ways(folder: Path, cascade: Path) -> dict[str, Way]:
    """``transformers.pipeline``, a torch loop sorted by length, ours, and the cascade when it was trained."""
    import torch
    from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline

    encoder = folder / "weights/encoder"
    model = load_model(folder)
    shown, longest = model.config.context, model.config.max_tokens
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    peer = AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=7)
    classify = pipeline("text-classification", model=peer, tokenizer=tokenizer, device="cpu", batch_size=32, top_k=None)
    bare = AutoModel.from_pretrained(encoder).eval()

    def given(sentence: Sentence) -> object:
        return {"text": sentence.text, "text_pair": sentence.context} if shown else sentence.text

    def piped(rows: list[Sentence]) -> object:
        return classify(list(map(given, rows)), truncation=True, max_length=longest)

    check_input(classify, given, model)

    def looped(rows: list[Sentence]) -> None:
        order = sorted(rows, key=lambda s: -len(s.text) - shown * len(s.context))
        with torch.inference_mode():
            for at in range(0, len(order), 32):
                part = order[at:at + 32]
                pair = [s.context for s in part] if shown else None
                bare(**tokenizer([s.text for s in part], pair, padding=True, truncation=True, max_length=longest,
                                 return_tensors="pt"))

    ways: dict[str, Way] = {"transformers.pipeline, batch 32": piped, "torch float32, sorted": looped,
                            "transformer model": model.predict_proba}
    if cascade.exists():
        ways["cascade"] = load_model(cascade).predict_proba
    return ways


def check_input(classify: Any, given: Callable[[Sentence], object], model: Model) -> None:
    """Make sure that the peer reads what our model reads: the sentence and, if the model does, its context."""
    sentence = Sentence("The judge blocked the order.", "Agents met on Monday.")
    theirs = classify.preprocess(given(sentence))["input_ids"][0].tolist()
    assert theirs == token_ids(model, [sentence])[0], "the peer reads something else than the model"


def token_ids(model: Model, sentences: list[Sentence]) -> list[list[int]]:
    """What the transformer reads of each sentence."""
    tokenizer = model.classifier.tokenizer_  # type: ignore[attr-defined]
    return encode(tokenizer, sentences, model.config.context, model.config.max_tokens)["input_ids"]
