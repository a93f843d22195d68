"""Fitting a linear-chain conditional random field (Lafferty et al. 2001) by gradient descent, in numpy.

The likelihood's gradient is observed minus expected counts; expectations come from the forward-backward
recursion in scaled probabilities (Rabiner 1989, section V.A), over a batch of texts at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from suffice.adapt.tagger.descent import AdaGrad, Adam

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Halves = NDArray[np.float16]
_NEVER = -1e4


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A chain's weights: `emission` (F, L) by feature and tag, `transition` (L, L) from row to column.

    `dense` (d, L) weighs the words' vectors; d is 0 where they have none.
    """

    emission: Floats
    transition: Floats
    dense: Floats


@dataclass(frozen=True, kw_only=True)
class Tagged:
    """Texts ready to learn from: each text's features as an array of positions per word, and its tags.

    `vectors`: each text's (words, d) vectors, standardised; empty where words are features alone.
    """

    features: Sequence[Sequence[Ints]]
    tags: Sequence[Ints]
    vectors: Sequence[Halves] = ()


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How a chain is fitted."""

    epochs: int = 8
    batch: int = 64
    rate: float = 0.15
    dropout: float = 0.2
    decay: float = 1e-6
    dense_rate: float = 3e-3
    dense_decay: float = 1e-3


def fit(
    texts: Tagged,
    *,
    features: int,
    allowed: NDArray[np.bool_],
    settings: FitSettings,
    seed: int,
    heard: Callable[[float], None],
) -> Chain:
    """Returns the chain fitted to the texts; `allowed` (L, L) says which tag may follow which.

    Each time a text is seen, a share `dropout` of its features is left out: what a single word says must not
    be all there is. `heard` is told the share that is done.
    """
    rng = np.random.default_rng(seed)
    labels, n = len(allowed), len(texts.tags)
    by_length = np.argsort([len(tags) for tags in texts.tags], kind="stable")
    batches = [by_length[start : start + settings.batch] for start in range(0, n, settings.batch)]
    emission = AdaGrad((features, labels), rate=settings.rate, decay=settings.decay)
    transition = AdaGrad((labels, labels), rate=settings.rate, decay=settings.decay)
    dense = Adam(
        (texts.vectors[0].shape[1] if texts.vectors else 0, labels),
        rate=settings.dense_rate,
        decay=settings.dense_decay,
        steps=settings.epochs * len(batches),
    )
    for epoch in range(settings.epochs):
        for done, which in enumerate(rng.permutation(len(batches))):
            rows = batches[which]
            active, matrix, lengths, tags = _batch(texts, rows, dropout=settings.dropout, rng=rng)
            scores = matrix @ emission.values[active]
            if texts.vectors:
                vectors = np.concatenate([texts.vectors[row] for row in rows]).astype(np.float32)
                scores = scores + vectors @ dense.values
            steps = np.where(allowed, transition.values, _NEVER).astype(np.float32)
            error, pair_error = _errors(scores, lengths, tags, steps)
            share = np.float32(1 / len(rows))
            emission.step((matrix.T @ error) * share, active)
            transition.step(pair_error * share)
            if texts.vectors:
                dense.step((vectors.T @ error) * share)
            heard((epoch + done / len(batches)) / settings.epochs)
    kept = np.float32(1 - settings.dropout)  # all features are there when served, so each counts for less
    return Chain(
        emission=emission.values * kept,
        transition=np.where(allowed, transition.values, _NEVER).astype(np.float32),
        dense=dense.values,
    )


def _batch(
    texts: Tagged, rows: Ints, *, dropout: float, rng: np.random.Generator
) -> tuple[Ints, sp.csr_matrix, Ints, Ints]:
    """Returns the active features, the (words, active) indicators, texts' lengths, words' tags."""
    words = [word for row in rows for word in texts.features[row]]
    sizes = np.array([len(word) for word in words])
    ids = np.concatenate(words)
    owner = np.repeat(np.arange(len(words)), sizes)
    if dropout:
        kept = rng.random(len(ids)) >= dropout
        ids, owner = ids[kept], owner[kept]
    active, column = np.unique(ids, return_inverse=True)
    data = np.ones(len(ids), np.float32)
    matrix = sp.csr_matrix((data, (owner, column)), shape=(len(words), len(active)))
    lengths = np.array([len(texts.tags[row]) for row in rows])
    tags = np.concatenate([texts.tags[row] for row in rows])
    return active, matrix, lengths, tags


def _errors(scores: Floats, lengths: Ints, tags: Ints, transition: Floats) -> tuple[Floats, Floats]:
    """Returns expected less observed counts: by word and tag (words, L), and by pair of tags (L, L)."""
    labels = scores.shape[1]
    n, longest = len(lengths), int(lengths.max())
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    inside = np.arange(longest)[None, :] < lengths[:, None]
    place = np.minimum(starts[:, None] + np.arange(longest)[None, :], len(scores) - 1)
    peak = scores.max(axis=1, keepdims=True)
    emit = np.exp(scores - peak)[place]  # (n, longest, L)
    step = np.exp(transition)
    forward = np.empty((longest, n, labels), np.float32)
    scale = np.ones((longest, n, 1), np.float32)
    first = emit[:, 0] * step[0]  # a text begins as after a word outside
    scale[0] = first.sum(axis=1, keepdims=True)
    forward[0] = first / scale[0]
    for t in range(1, longest):
        now = (forward[t - 1] @ step) * emit[:, t]
        total = now.sum(axis=1, keepdims=True)
        is_in = inside[:, t, None]
        scale[t] = np.where(is_in, total, 1)
        forward[t] = np.where(is_in, now / scale[t], forward[t - 1])
    backward = np.ones((n, labels), np.float32)
    error = np.zeros_like(scores)
    pairs = np.zeros((labels, labels), np.float32)
    firsts = np.zeros(labels, np.float32)
    for t in range(longest - 1, -1, -1):
        is_in = inside[:, t]
        error[place[is_in, t]] = (forward[t] * backward)[is_in]
        if t == 0:
            firsts = (forward[0] * backward).sum(axis=0)
            break
        ahead = np.where(is_in[:, None], emit[:, t] * backward / scale[t], 0)
        pairs += forward[t - 1].T @ ahead
        backward = np.where(is_in[:, None], ahead @ step.T, backward)
    pairs *= step
    pairs[0] += firsts - np.bincount(tags[starts], minlength=labels)
    error[np.arange(len(tags)), tags] -= 1
    is_first = np.zeros(len(tags), bool)
    is_first[starts] = True
    later = np.flatnonzero(~is_first)
    np.subtract.at(pairs, (tags[later - 1], tags[later]), 1)
    return error, pairs
