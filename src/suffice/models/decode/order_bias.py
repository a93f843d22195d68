"""How much the order in which a prompt lists its labels changes the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suffice.errors import DataError

_ORDERS = 4


@dataclass(frozen=True, kw_only=True)
class OrderBias:
    """What was measured over n texts, each under the prompt's own order and `orders` others.

    `flipped`: of how many texts any other order changes the answer. `mean_shift`: the mean total
    variation distance between a text's probabilities under the own and another order, in [0, 1].
    `first_gain`: how much more often the label listed first is answered than one in n_labels times.
    """

    texts: int
    orders: int
    flipped: int
    mean_shift: float
    first_gain: float


def order_bias(
    score: Callable[[tuple[str, ...]], NDArray[np.float64]],
    labels: Sequence[str],
    *,
    orders: int = _ORDERS,
    seed: int = 0,
) -> OrderBias:
    """Returns the order bias of `score`, which gives (n, K) probabilities in the order of `labels`.

    `score` is asked with the labels in the order in which the prompt is to list them: first as they
    are, then the other way round, then shuffled: with `orders` 1 a reversal is all that is tried.

    Raises:
        DataError: there are no texts.
    """
    own = score(tuple(labels))
    if not len(own):
        raise DataError("order bias needs at least one text")
    rng = np.random.default_rng(seed)
    answers = own.argmax(axis=1)
    flipped = np.zeros(len(own), np.bool_)
    shifts, firsts = [], [float((answers == 0).mean())]
    for number in range(orders):
        order = rng.permutation(len(labels)) if number else np.arange(len(labels))[::-1]
        other = score(tuple(labels[place] for place in order))
        flipped |= other.argmax(axis=1) != answers
        shifts.append(float(np.abs(other - own).sum(axis=1).mean() / 2))
        firsts.append(float((other.argmax(axis=1) == order[0]).mean()))
    return OrderBias(
        texts=len(own),
        orders=orders,
        flipped=int(flipped.sum()),
        mean_shift=float(np.mean(shifts)) if shifts else 0.0,
        first_gain=float(np.mean(firsts)) - 1.0 / len(labels),
    )
