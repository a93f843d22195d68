"""Ways to score a request by the gain of escalating it: ours, and what is commonly used instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from suffice.adapt.gain.fit import fit_gain
from suffice.models.gain.answer_features import answer_matrix
from suffice.models.gain.views import Embed, Exchanges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from numpy.typing import NDArray

    from bench.proof.recorded import Recorded

    # (data, rows to learn from, rows to score) to scores
    Router = Callable[[Recorded, NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]

__all__ = ["ANSWER", "AVERAGED", "OURS", "OURS_AFTER", "averaged", "post_hoc", "prompt_only", "standard"]

TF_IDF, EMBEDDING, NEAREST = "tf-idf + LR", "MiniLM + LR", "MiniLM kNN, k = 100"
AVERAGED = "average of the last three"
OURS, OURS_AFTER = "suffice, prompt only", "suffice, prompt and answer"
ANSWER = "answer features + LR"


def standard(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scores with mean 0 and standard deviation 1, so that several can be averaged."""
    scaled: NDArray[np.float64] = (scores - scores.mean()) / max(float(scores.std()), 1e-12)
    return scaled


def averaged(scores: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the mean of the standardised scores."""
    mean: NDArray[np.float64] = np.mean([standard(score) for score in scores], axis=0)
    return mean


def prompt_only(vectors: Embed) -> dict[str, Router]:
    """Return the routers that see the prompt alone."""

    def length(data: Recorded, _: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.array([len(data.prompts[i]) for i in test], np.float64)

    def tf_idf(data: Recorded, train: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray[np.float64]:
        reader = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
        reader.fit([data.prompts[i] for i in train])
        return _difference(_regression, reader.transform(data.prompts), data, train, test)

    def embedding(data: Recorded, train: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray[np.float64]:
        return _difference(_regression, vectors(data.prompts), data, train, test)

    def nearest(data: Recorded, train: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray[np.float64]:
        rows, gains = vectors(data.prompts), data.strong.astype(np.float64) - data.weak
        k = min(100, len(train))
        near = np.argpartition(-(rows[test] @ rows[train].T), k - 1, axis=1)[:, :k]
        mean: NDArray[np.float64] = gains[train][near].mean(axis=1)
        return mean

    return {
        "prompt length": length,
        TF_IDF: tf_idf,
        EMBEDDING: embedding,
        NEAREST: nearest,
        OURS: _ours(vectors, see_answers=False),
    }


def post_hoc(vectors: Embed) -> dict[str, Router]:
    """Return the routers that also see the weak model's answer."""

    def verifier(data: Recorded, train: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray[np.float64]:
        rows = answer_matrix(data.prompts, data.answers)
        return _difference(_scaled_regression, rows, data, train, test)

    def joined(data: Recorded, train: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray[np.float64]:
        features = answer_matrix(data.prompts, data.answers)
        rows = np.concatenate([features, vectors(data.prompts), vectors(data.answers)], axis=1)
        return _difference(_scaled_regression, rows, data, train, test)

    return {
        ANSWER: verifier,
        "answer features, MiniLM of both, LR": joined,
        OURS_AFTER: _ours(vectors, see_answers=True),
    }


def _ours(vectors: Embed, *, see_answers: bool) -> Router:
    def seen(data: Recorded, rows: NDArray[np.int64]) -> Exchanges:
        return Exchanges(
            prompts=[data.prompts[i] for i in rows],
            answers=[data.answers[i] for i in rows] if see_answers else None,
        )

    def ours(data: Recorded, train: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray[np.float64]:
        model = fit_gain(seen(data, train), data.weak[train], data.strong[train], embed=vectors)
        return model.score(seen(data, test))

    return ours


def _difference(
    learner: Callable[[], Any], rows: Any, data: Recorded, train: Any, test: Any
) -> NDArray[np.float64]:
    """Return P(strong right) - P(weak right) by two classifiers of one kind."""
    right = [
        learner().fit(rows[train], marks[train]).predict_proba(rows[test])[:, 1]
        for marks in (data.strong, data.weak)
    ]
    difference: NDArray[np.float64] = right[0] - right[1]
    return difference


def _regression() -> Any:
    return LogisticRegression(C=1.0, tol=1e-5, max_iter=300)


def _scaled_regression() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01, tol=1e-5, max_iter=300))
