"""The escalation score learnt: P(reference right) - P(small right), from rows on which both were marked."""

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix

from suffice.adapt.linear.ngram_rows import rarity_codes, texts_with
from suffice.errors import DataError
from suffice.models.gain.boosted_trees import BoostedTrees
from suffice.models.gain.learners import Learners, Scaling, of_columns
from suffice.models.gain.neighbours import Neighbours
from suffice.models.gain.regression import Regression
from suffice.models.gain.score import GainModel, Order
from suffice.models.gain.views import Embed, Exchanges, Views, views_of

# With fewer marked rows, or fewer of one kind, learnt scores scatter more than they gain.
LEAST_ROWS: Final = 100
LEAST_OF_A_KIND: Final = 10
DIRECTIONS: Final = 32
SEEDS: Final = 3
PENALTY: Final = 0.3
PENALTY_WITH_ANSWERS: Final = 1.0
TREES: Final = {
    "max_iter": 150,
    "learning_rate": 0.05,
    "max_leaf_nodes": 12,
    "l2_regularization": 10.0,
    "max_features": 0.3,
    "early_stopping": False,
}


def fit_gain(
    exchanges: Exchanges,
    small_right: ArrayLike,
    reference_right: ArrayLike,
    *,
    embed: Embed | None = None,
    seed: int = 0,
) -> GainModel:
    """Returns a score of the gain of escalating, learnt from rows on which both models were marked.

    Args:
        exchanges: n prompts, with the small model's answers, confidence and novelty as far as known.
        small_right: n marks, 1 where the small model was right.
        reference_right: n marks, 1 where the reference was right.
        embed: texts to unit vectors (n, d); without it only words, form and answers are seen.
        seed: equal inputs and seeds give equal models.

    With fewer than LEAST_ROWS rows, or fewer than LEAST_OF_A_KIND right or wrong answers of either model,
    nothing is learnt: the model orders by confidence and says so in `why`.

    Raises:
        DataError: marks that are not 0 or 1, or not one for each prompt.
    """
    outcomes = np.stack([_marks(small_right, exchanges), _marks(reference_right, exchanges)], axis=1)
    rows = len(outcomes)
    right = outcomes.sum(axis=0)
    fewest = int(min(right.min(), rows - right.max())) if rows else 0
    if rows < LEAST_ROWS or fewest < LEAST_OF_A_KIND:
        return _unlearnt(exchanges, rows=rows, fewest=fewest)
    return GainModel(
        order="learnt",
        parts=exchanges.parts,
        rows=rows,
        why=f"learnt from {rows} rows on which both models were marked",
        learners=_learners(views_of(exchanges, embed), outcomes, seed=seed),
        embed=embed,
    )


def boosted_trees(
    columns: NDArray[np.float64], target: NDArray[np.float64], *, seeds: tuple[int, ...]
) -> BoostedTrees:
    """Returns the average of one least-squares boosting (Friedman 2001) per seed.

    Args:
        columns: (n, c), finite.
        target: (n,).
        seeds: each draws the features that its trees may split on.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415 - 0.5 s

    # Leaves hold a share of the rows, within bounds, so that few labels give few splits.
    leaf = int(np.clip(len(columns) // 50, 10, 40))
    runs = [
        HistGradientBoostingRegressor(random_state=seed, min_samples_leaf=leaf, **TREES).fit(columns, target)
        for seed in seeds
    ]
    # scikit-learn has no public view of these trees; a test holds our reading against its predictions.
    nodes = [stage[0].nodes for run in runs for stage in run._predictors]  # noqa: SLF001
    base = np.mean([np.ravel(run._baseline_prediction)[0] for run in runs])  # noqa: SLF001
    return BoostedTrees.joined(nodes, base=float(base), share=1.0 / len(runs))


def _learners(views: Views, outcomes: NDArray[np.uint8], *, seed: int) -> Learners:
    """Returns the learners of these rows; `outcomes` is (n, 2): small right, reference right."""
    scaling = _scaling(views)
    words = scaling.words(views)
    vectors = views.prompt_vectors
    neighbours = Neighbours.remember(vectors, outcomes) if vectors.shape[1] else None
    near = np.zeros((len(outcomes), 0)) if neighbours is None else neighbours.columns(vectors, own=True)
    gains = outcomes[:, 1].astype(np.float64) - outcomes[:, 0]
    seen = views.said.shape[1] > 0
    seeds = tuple(SEEDS * seed + i for i in range(SEEDS))
    return Learners(
        scaling=scaling,
        joint=_regression(
            scaling.joint(views, words), outcomes, penalty=PENALTY_WITH_ANSWERS if seen else PENALTY
        ),
        words=None if seen else _regression(words, outcomes, penalty=PENALTY),
        trees=boosted_trees(scaling.columns(views, near), gains, seeds=seeds),
        neighbours=neighbours,
    )


def _scaling(views: Views) -> Scaling:
    dense = np.concatenate([views.form, views.said], axis=1)
    vectors = views.prompt_vectors
    _, axes = np.linalg.eigh(np.cov(vectors.T) if vectors.shape[1] else np.zeros((0, 0)))
    spread = dense.std(axis=0)
    kept = np.flatnonzero(texts_with(views.words) > 1).astype(np.int32)
    return Scaling(
        kept=kept,
        rarity=rarity_codes(of_columns(views.words, kept)),
        mean=dense.mean(axis=0),
        spread=np.where(spread > 0, spread, 1.0),
        centre=vectors.mean(axis=0).astype(np.float32),
        directions=np.ascontiguousarray(axes[:, ::-1][:, :DIRECTIONS], dtype=np.float32),
    )


def _regression(rows: csr_matrix, outcomes: NDArray[np.uint8], *, penalty: float) -> Regression:
    """Returns both regressions with L2 penalty 1 / (2 penalty); both outcomes must vary."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - 0.5 s

    fits: list[Any] = [
        LogisticRegression(C=penalty, tol=1e-5, max_iter=300).fit(rows, right) for right in outcomes.T
    ]
    return Regression(
        weight=np.stack([fit.coef_[0] for fit in fits], axis=1).astype(np.float16),
        bias=np.array([fit.intercept_[0] for fit in fits], np.float32),
    )


def _marks(given: ArrayLike, exchanges: Exchanges) -> NDArray[np.uint8]:
    marks = np.asarray(given, dtype=np.float64)
    if marks.shape != (len(exchanges.prompts),):
        raise DataError(f"{marks.shape} marks for {len(exchanges.prompts)} prompts: one is needed for each")
    if not np.isin(marks, (0.0, 1.0)).all():
        odd = marks[~np.isin(marks, (0.0, 1.0))][0]
        raise DataError(f"a mark is {odd}; expected 0 (wrong) or 1 (right)")
    return marks.astype(np.uint8)


def _unlearnt(exchanges: Exchanges, *, rows: int, fewest: int) -> GainModel:
    short = (
        f"{rows} marked rows, {LEAST_ROWS} are needed"
        if rows < LEAST_ROWS
        else f"only {fewest} marks of the rarest kind, {LEAST_OF_A_KIND} are needed"
    )
    order: Order = "none" if exchanges.confidence is None else "confidence"
    ordered = (
        "does not order the requests" if order == "none" else "orders by the small model's own confidence"
    )
    parts = tuple(part for part in exchanges.parts if part != "answers")
    return GainModel(order=order, parts=parts, rows=rows, why=f"{short} to learn the gain: {ordered}")
