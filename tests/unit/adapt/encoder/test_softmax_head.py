"""The logistic head is scikit-learn's, its penalty is chosen on dev, its confidence is calibrated."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from suffice.adapt import calibration
from suffice.adapt.encoder import softmax_head

_LABELS = 4


def _data(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(_LABELS, 8))
    classes = rng.integers(0, _LABELS, n)
    vectors = centres[classes] + rng.normal(0.0, 1.2, (n, 8))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), classes


def test_fit_equals_scikit_learn() -> None:
    """Probabilities agree with LogisticRegression of the same C to two digits and its loss is no lower."""
    vectors, classes = _data(600, 0)
    head = softmax_head.fit(vectors, classes, labels=_LABELS, C=10.0)
    oracle = LogisticRegression(C=10.0, tol=1e-8, max_iter=1000).fit(vectors, classes)
    logits = head.logits(vectors)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    mine = odds / odds.sum(axis=1, keepdims=True)
    assert np.abs(mine - oracle.predict_proba(vectors)).max() < 0.01


def test_label_without_rows_is_never_probable() -> None:
    """A label that train lacks keeps its column and stays improbable."""
    vectors, classes = _data(300, 0)
    head = softmax_head.fit(vectors, classes, labels=_LABELS + 1, C=3.0)
    assert (_LABELS + 1,) == head.bias.shape
    assert _LABELS not in head.logits(vectors).argmax(axis=1)


def test_choose_takes_the_penalty_best_on_dev() -> None:
    """No other penalty on the list does better on dev."""
    train, dev = _data(200, 1), _data(300, 2)
    chosen = softmax_head.choose(train, dev, labels=_LABELS, penalties=(0.01, 1.0, 100.0))
    accuracy = (chosen.logits(dev[0]).argmax(axis=1) == dev[1]).mean()
    others = [softmax_head.fit(*train, labels=_LABELS, C=C) for C in (0.01, 1.0, 100.0)]
    assert accuracy >= max((h.logits(dev[0]).argmax(axis=1) == dev[1]).mean() for h in others) - 0.01


def test_temperature_undoes_a_wrong_scale() -> None:
    """Logits made three times too large get a temperature three times as high."""
    vectors, classes = _data(2000, 3)
    logits = softmax_head.fit(vectors, classes, labels=_LABELS, C=10.0).logits(vectors)
    once = calibration.temperature(logits, classes)
    thrice = calibration.temperature(3.0 * logits, classes)
    assert abs(thrice / once - 3.0) < 0.05
