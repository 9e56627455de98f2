"""Word and character TF-IDF with a logistic head per question: fast, and legible through its weights."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from pipeline.classifiers.lessons import LessonsConfig
from pipeline.classifiers.ngrams import CharNgrams, WordNgrams, tfidf
from pipeline.errors import ModelError
from pipeline.task import Examples, FloatArray, Scores, Sentence, Task

if TYPE_CHECKING:
    from scipy import sparse

_WEIGHTS, _VOCABULARY = "weights.safetensors", "vocabulary.json"


class TfidfConfig(LessonsConfig):
    """Hyperparameters of TfidfClassifier."""

    uses_all_cores: ClassVar[bool] = False
    cross_validated: ClassVar[bool] = True
    classifier: Literal["tfidf"] = "tfidf"
    word_ngrams: int = Field(2, ge=1, le=2, description="longest word n-gram")
    char_ngrams: tuple[int, int] = Field((3, 5), description="shortest and longest character n-gram")
    min_count: int = Field(2, ge=1, description="sentences an n-gram must occur in")
    context: float = Field(0.3, ge=0, le=1, description="weight of the context's words beside the sentence's own")
    c: float = Field(2.0, gt=0, description="inverse regularisation of the logistic heads")
    balance: float = Field(0.5, ge=0, le=1, description="0: classes as they come; 1: every class weighs the same")
    seed: int = 0

    @staticmethod
    def space_names() -> tuple[str, ...]:
        return ("c", "balance", "context", "min_count")

    @staticmethod
    def space(trial: Any) -> dict[str, Any]:
        """What ``stance tune`` tries."""
        return {"c": trial.suggest_float("c", 0.3, 30, log=True), "balance": trial.suggest_float("balance", 0, 1),
                "context": trial.suggest_float("context", 0, 1), "min_count": trial.suggest_int("min_count", 1, 4)}

    def build(self, task: Task) -> "TfidfClassifier":
        return TfidfClassifier(task, self)

    def load(self, task: Task, folder: Path) -> "TfidfClassifier":
        return TfidfClassifier.load(task, self, folder)


class TfidfClassifier:
    """N-grams of the sentence, words of its context, and one linear map a head.

    Learned: ``blocks_`` (the n-gram vocabularies with their idf), ``coef_`` and ``intercept_`` (per head, shape
    (labels, features) and (labels,)).
    """

    def __init__(self, task: Task, config: TfidfConfig) -> None:
        self.task = task
        self.config = config

    def fit(self, train: Examples, valid: Examples) -> "TfidfClassifier":
        """Learn vocabulary and heads from ``train``; ``valid`` is not used."""
        self._fit_vocabulary(train.sentences)
        features = self._features(train.sentences)
        self.coef_: dict[str, FloatArray] = {}
        self.intercept_: dict[str, FloatArray] = {}
        for name, head in self.task.heads.items():
            targets = train.targets[name]
            if head.kind == "one":
                self.coef_[name], self.intercept_[name] = self._fit_head(features, targets, train.weights)
            else:
                fitted = [self._fit_head(features, np.column_stack([1 - column, column]), train.weights)
                          for column in targets.T]
                self.coef_[name] = np.vstack([coef[1] - coef[0] for coef, _ in fitted])
                self.intercept_[name] = np.array([intercept[1] - intercept[0] for _, intercept in fitted])
        return self

    def predict_proba(self, sentences: list[Sentence]) -> Scores:
        """Probabilities of every label, shape (n, labels) a head."""
        from scipy.special import expit, softmax

        features = self._features(sentences)
        scores: Scores = {}
        for name, head in self.task.heads.items():
            logits = features @ self.coef_[name].T + self.intercept_[name]
            scores[name] = softmax(logits, axis=1) if head.kind == "one" else expit(logits)
        return scores

    def save(self, folder: Path) -> None:
        """Write the weights as safetensors and the vocabularies as JSON."""
        from safetensors.numpy import save_file

        tensors = {f"idf/{name}": block.idf for name, block in self.blocks_.items()}
        tensors |= {f"coef/{name}": coef for name, coef in self.coef_.items()}
        tensors |= {f"intercept/{name}": intercept for name, intercept in self.intercept_.items()}
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, folder / _WEIGHTS)
        words = {name: list(vocabulary) for name, vocabulary in self._vocabularies.items()}
        (folder / _VOCABULARY).write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, task: Task, config: TfidfConfig, folder: Path) -> "TfidfClassifier":
        """Read what ``save`` wrote. Raises ModelError when a file is missing, damaged or does not fit the task."""
        from safetensors.numpy import load_file

        self = cls(task, config)
        try:
            tensors = load_file(folder / _WEIGHTS)
            words = json.loads((folder / _VOCABULARY).read_text(encoding="utf-8"))
            self._vocabularies = {name: {ngram: i for i, ngram in enumerate(ngrams)} for name, ngrams in words.items()}
            self._make_blocks({name: tensors[f"idf/{name}"] for name in self._vocabularies})
            self.coef_ = {name: tensors[f"coef/{name}"] for name in task.heads}
            self.intercept_ = {name: tensors[f"intercept/{name}"] for name in task.heads}
        except Exception as error:  # whatever a damaged file provokes
            raise ModelError(f"{folder}: damaged TF-IDF weights: {' '.join(str(error).split())}") from None
        width = sum(len(block.idf) for block in self.blocks_.values())
        for name, head in task.heads.items():
            if self.coef_[name].shape != (len(head.labels), width):
                raise ModelError(f"{folder}: weights of head '{name}' have shape {self.coef_[name].shape}, "
                                 f"not {(len(head.labels), width)}")
        return self

    def feature_names(self) -> list[str]:
        """The n-gram behind each column; a context word is prefixed by ``context:``, characters are quoted."""
        dress = {"words": "{}", "chars": "'{}'", "context": "context:{}"}
        return [dress[name].format(ngram) for name, words in self._vocabularies.items() for ngram in words]

    def _fit_vocabulary(self, sentences: list[Sentence]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        config = self.config
        common: dict[str, Any] = {"sublinear_tf": True, "min_df": config.min_count}
        words = TfidfVectorizer(ngram_range=(1, config.word_ngrams), **common)
        chars = TfidfVectorizer(analyzer="char_wb", ngram_range=config.char_ngrams, **common)
        sources = {"words": (words, [s.text for s in sentences]), "chars": (chars, [s.text for s in sentences])}
        if config.context and any(s.context for s in sentences):
            sources["context"] = (TfidfVectorizer(**common), [s.context for s in sentences])
        self._vocabularies: dict[str, dict[str, int]] = {}
        idf: dict[str, FloatArray] = {}
        for name, (vectorizer, texts) in sources.items():
            try:
                vectorizer.fit(texts)
            except ValueError:  # a corpus so small that no n-gram is frequent enough
                vectorizer.set_params(min_df=1).fit(texts)
            ordered = sorted(vectorizer.vocabulary_.items(), key=lambda item: item[1])
            self._vocabularies[name] = {ngram: int(column) for ngram, column in ordered}
            idf[name] = vectorizer.idf_
        self._make_blocks(idf)

    def _make_blocks(self, idf: dict[str, FloatArray]) -> None:
        shortest, longest = self.config.char_ngrams
        self.blocks_: dict[str, WordNgrams | CharNgrams] = {
            name: CharNgrams(vocabulary, idf[name], shortest, longest) if name == "chars"
            else WordNgrams(vocabulary, idf[name])
            for name, vocabulary in self._vocabularies.items()}

    def _features(self, sentences: list[Sentence]) -> "sparse.csr_matrix":
        from scipy import sparse

        own = tfidf([self.blocks_["words"], self.blocks_["chars"]], [s.text for s in sentences])
        if "context" not in self.blocks_:
            return own
        around = tfidf([self.blocks_["context"]], [s.context for s in sentences])
        return sparse.hstack([own, self.config.context * around], format="csr")

    def _fit_head(self, features: "sparse.csr_matrix", targets: FloatArray,
                  weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Multinomial logistic regression on (n, k) shares: a row counts for each label as much as its share."""
        from sklearn.linear_model import LogisticRegression

        rows, labels = np.nonzero(targets)
        share = targets[rows, labels] * weights[rows]
        mass = np.bincount(labels, weights=share, minlength=targets.shape[1])
        if np.count_nonzero(mass) < 2:  # a label that is always or never there: only the prior is left
            prior = np.log((mass + 0.5) / (mass.sum() + 0.5 * len(mass)))
            return np.zeros((targets.shape[1], features.shape[1])), prior
        share = share * ((mass.sum() / (len(mass) * mass[labels])) ** self.config.balance)
        model = LogisticRegression(C=self.config.c, max_iter=1000, random_state=self.config.seed)
        model.fit(features[rows], labels, sample_weight=share)
        return _spread(model.classes_, model.coef_, model.intercept_, targets.shape[1])


def _spread(classes: Any, coef: FloatArray, intercept: FloatArray, width: int) -> tuple[FloatArray, FloatArray]:
    """Coefficients for all ``width`` labels: scikit-learn folds two classes into one row and drops unseen ones."""
    if len(classes) == 2:
        coef, intercept = np.vstack([-coef / 2, coef / 2]), np.concatenate([-intercept / 2, intercept / 2])
    full = np.zeros((width, coef.shape[1]))
    bias = np.full(width, intercept.min() - 10.0)  # an unseen label keeps a probability near nought
    full[classes], bias[classes] = coef, intercept
    return full, bias
