"""The next token from the logits: the most probable one, or one drawn by temperature, top-k and top-p."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suffice.models.engine import Floats

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How tokens are drawn. Temperature 0 takes the most probable one; `top_k` 0 and `top_p` 1 keep all."""

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0


def next_token(
    logits: Floats, sampling: Sampling, *, rng: np.random.Generator, allowed: Mask | None = None
) -> tuple[int, float]:
    """Returns a token and its log-probability among the allowed ones, before any temperature.

    `logits`: (vocabulary,). Of equal ones the first is taken. In the order of transformers: temperature,
    the `top_k` likeliest, of them the fewest that reach `top_p` (Holtzman et al. 2020).
    """
    kept = logits if allowed is None else np.where(allowed, logits, np.float32(-np.inf))
    top = kept.max()
    odds = kept - top
    mass = np.exp(odds, out=odds).sum()  # in place: this is done for every token
    token = int(kept.argmax()) if sampling.temperature <= 0 else _drawn(kept, sampling, rng)
    return token, float(kept[token] - top - np.log(mass))


def _drawn(logits: Floats, sampling: Sampling, rng: np.random.Generator) -> int:
    order = np.argsort(-logits, kind="stable")
    if sampling.top_k > 0:
        order = order[: sampling.top_k]
    scaled = (logits[order] - logits[order[0]]).astype(np.float64) / sampling.temperature
    odds = np.exp(scaled)
    cumulative = np.cumsum(odds)
    # The smallest set of the likeliest tokens that reaches top_p; at least one.
    kept = 1 + int(np.searchsorted(cumulative, sampling.top_p * cumulative[-1], side="left"))
    kept = min(kept, len(order))
    place = int(np.searchsorted(cumulative[:kept], rng.random() * cumulative[kept - 1], side="right"))
    return int(order[min(place, kept - 1)])
