"""The escalation score."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from suffice.adapt.gain.fit import LEAST_ROWS, TREES, boosted_trees, fit_gain
from suffice.errors import ArtefactError, DataError
from suffice.models.gain.files import ARRAYS, WORDS, load_gain, save_gain
from suffice.models.gain.learners import of_columns
from suffice.models.gain.neighbours import COLUMNS, Neighbours
from suffice.models.gain.score import GainModel
from suffice.models.gain.views import Exchanges
from suffice.models.gain.word_rows import counted_words
from suffice.stats.routing import apgr

TOPICS = (
    "planets orbit the sun",
    "verbs and nouns of latin",
    "statute law of contracts",
    "cells and membranes",
)


def toy(n: int, seed: int = 0) -> tuple[Exchanges, NDArray[np.bool_], NDArray[np.bool_]]:
    """Returns exchanges where the reference helps with two topics and where the answer shows a wrong sum."""
    rng = np.random.default_rng(seed)
    topic, slip = rng.integers(0, 4, n), rng.random(n) < 0.3
    prompts = [f"{TOPICS[t]} question {i} about {rng.integers(99)}" for i, t in enumerate(topic)]
    answers = [f"2+2=<<2+2={5 if s else 4}>> #### {rng.integers(9)}" for s in slip]
    reference = rng.random(n) < np.array([0.95, 0.95, 0.5, 0.5])[topic]
    small = ~slip & (rng.random(n) < np.array([0.3, 0.9, 0.5, 0.5])[topic])
    return Exchanges(prompts=prompts, answers=answers), small, reference


def topics_as_vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    """Returns unit vectors that know the topic: an encoder for tests."""
    near = np.array([[t.startswith(topic) for topic in TOPICS] for t in texts], np.float32) + 0.1
    vectors: NDArray[np.float32] = near / np.linalg.norm(near, axis=1, keepdims=True)
    return vectors


@lru_cache
def fitted(*, answers: bool = True, n: int = 200) -> GainModel:
    """Returns a score fitted on the toy."""
    rows, small, reference = toy(n)
    seen = rows if answers else Exchanges(prompts=rows.prompts)
    return fit_gain(seen, small, reference, embed=topics_as_vectors)


@pytest.mark.slow
def test_it_orders_new_requests_by_gain() -> None:
    """On unseen requests it recovers far more of the gap than chance, and more with the answers in sight."""
    rows, small, reference = toy(600, seed=1)
    with_answers = apgr(fitted().score(rows), small, reference)
    prompts = apgr(fitted(answers=False).score(Exchanges(prompts=rows.prompts)), small, reference)
    assert prompts > 0.6
    assert with_answers > prompts + 0.05


@pytest.mark.slow
@pytest.mark.parametrize("answers", [True, False])
def test_a_saved_score_is_the_same_score(tmp_path: Path, *, answers: bool) -> None:
    """Loading gives the very same numbers, and fitting twice the very same bytes."""
    rows, _, _ = toy(50, seed=2)
    model = fitted(answers=answers)
    save_gain(model, tmp_path / "a")
    save_gain(fitted.__wrapped__(answers=answers), tmp_path / "b")
    again = load_gain(tmp_path / "a", embed=topics_as_vectors)
    assert (tmp_path / "a" / ARRAYS).read_bytes() == (tmp_path / "b" / ARRAYS).read_bytes()
    assert np.array_equal(model.score(rows), again.score(rows))
    assert (again.order, again.parts, again.why) == (model.order, model.parts, model.why)


def test_few_marks_order_by_confidence_and_say_so(tmp_path: Path) -> None:
    """Below LEAST_ROWS nothing is learnt: the less confident and the stranger come first."""
    rows, small, reference = toy(3)
    sure = Exchanges(
        prompts=rows.prompts, confidence=np.array([0.9, 0.2, 0.9]), novelty=np.array([0.0, 0.0, 0.5])
    )
    model = fit_gain(sure, small, reference)
    assert model.order == "confidence"
    assert str(LEAST_ROWS) in model.why
    assert [1, 2, 0] == list(np.argsort(-model.score(sure)))
    save_gain(model, tmp_path)
    assert np.array_equal(model.score(sure), load_gain(tmp_path).score(sure))


def test_without_marks_or_confidence_nothing_is_ordered() -> None:
    """There is then no score to pretend: all are equal, and `why` says it."""
    rows, small, reference = toy(3)
    model = fit_gain(rows, small, reference)
    assert model.order == "none"
    assert [0.0, 0.0, 0.0] == list(model.score(rows))


def test_marks_of_one_kind_are_not_learnt_from() -> None:
    """A reference that was always right, or nearly, gives a regression nothing to tell apart."""
    rows, small, _ = toy(150)
    assert fit_gain(rows, small, np.ones(150)).order == "none"


@pytest.mark.parametrize("marks", [[0.5] * 3, [1.0, 0.0], [float("nan")] * 3])
def test_impossible_marks_are_refused(marks: list[float]) -> None:
    """Marks must be 0 or 1, one for each prompt."""
    rows, small, _ = toy(3)
    with pytest.raises(DataError):
        fit_gain(rows, small, marks)


def test_what_it_was_fitted_with_must_come_again() -> None:
    """A score that looks at confidence cannot be asked without it."""
    rows, small, reference = toy(3)
    model = fit_gain(Exchanges(prompts=rows.prompts, confidence=np.ones(3)), small, reference)
    with pytest.raises(DataError, match="confidence"):
        model.score(Exchanges(prompts=rows.prompts))


@pytest.mark.parametrize("damage", ["cut", "missing", "format"])
def test_a_damaged_score_is_refused(tmp_path: Path, damage: str) -> None:
    """A cut file, a missing file and another version are each an ArtefactError."""
    rows, small, reference = toy(3)
    save_gain(fit_gain(rows, small, reference), tmp_path)
    if damage == "cut":
        (tmp_path / ARRAYS).write_bytes(b"\0" * 4)
    elif damage == "missing":
        (tmp_path / WORDS).unlink()
    else:
        (tmp_path / WORDS).write_text((tmp_path / WORDS).read_text().replace('"format": 1', '"format": 9'))
    with pytest.raises(ArtefactError):
        load_gain(tmp_path)


def test_trees_predict_what_scikit_learn_predicts() -> None:
    """Our reading of the trees' nodes equals the library's own predictions."""
    rng = np.random.default_rng(3)
    columns, new = rng.normal(size=(300, 5)), rng.normal(size=(40, 5))
    target = columns[:, 0] * (columns[:, 1] > 0) + rng.normal(size=300) / 9
    settings = {**TREES, "min_samples_leaf": 10}
    runs = [HistGradientBoostingRegressor(random_state=s, **settings).fit(columns, target) for s in (4, 5)]
    expected = np.mean([run.predict(new) for run in runs], axis=0)
    assert np.allclose(expected, boosted_trees(columns, target, seeds=(4, 5)).predict(new), atol=1e-12)


def test_neighbours_leave_themselves_out() -> None:
    """A remembered prompt is not its own neighbour; a new one sees all."""
    vectors = np.eye(3, dtype=np.float32)
    outcomes = np.array([[1, 1], [0, 1], [0, 0]], np.uint8)
    memory = Neighbours.remember(vectors, outcomes)
    own = memory.columns(vectors, own=True)
    assert own.shape == (3, COLUMNS)
    assert own[0, 2:4].tolist() == [0.0, 0.5]
    assert np.allclose(memory.columns(vectors)[0, 2:4], [1 / 3, 2 / 3])


def test_columns_are_chosen_as_scipy_chooses_them() -> None:
    """The faster choice of columns gives the same rows, also where none is kept."""
    rows = counted_words(["one two three", "two three four", ""])
    for kept in (np.unique(rows.indices)[::2].astype(np.int32), np.zeros(0, np.int32)):
        assert np.array_equal(rows[:, kept].toarray(), of_columns(rows, kept).toarray())
