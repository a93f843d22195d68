"""From rows to a fitted chain: words with their features and tags, then the weights in 8 bits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suffice.adapt.tagger import crf
from suffice.adapt.tagger.align import aligned
from suffice.adapt.tagger.body import FrozenBody
from suffice.adapt.tagger.fields import category_of, object_of, span_values
from suffice.candidate import Candidate
from suffice.models.linear_weights import quantised
from suffice.models.tagger import words
from suffice.models.tagger.frame import Field
from suffice.models.tagger.lexicon import Lexicon, lexicon_of
from suffice.models.tagger.model import TaggerParts, framed, packed
from suffice.models.tagger.weights import TaggerWeights
from suffice.task import Sample

MOST_WORDS = 512  # of one text
_MOST_WEIGHTS = 24_000_000
# A feature that moves no tag's score by so much is left out: on SNIPS four of five, to the same answers.
_PRUNED_BELOW = 0.05
# A dense head learns from smaller batches, and the fewer texts there are the more so.
_DENSE_BATCH, _FEW_BATCH, _FEW_ROWS = 32, 16, 256
_READING = 0.6  # of the time, with an encoder


@dataclass(frozen=True, kw_only=True)
class Objects:
    """Texts with their objects, the objects' fields, and the number of the category that tags depend on."""

    samples: Sequence[Sample]
    fields: Sequence[Field]
    framing: int | None


@dataclass(frozen=True, kw_only=True)
class FittedChain:
    """A chain's parts, and the weights (d, L) of the words' vectors; d is 0 where there is no encoder."""

    parts: TaggerParts
    dense: NDArray[np.float32]


def fitted_chain(
    candidate: Candidate,
    taught: Objects,
    *,
    body: FrozenBody | None,
    seed: int,
    heard: Callable[[float], None],
) -> FittedChain:
    """Returns the chain fitted to the train rows: weights in 8 bits, tags and lexicon.

    With a `body`, each word's vector is learnt from together with its features.
    """
    train, fields = taught.samples, taught.fields
    read = [words.words_of(sample.text)[:MOST_WORDS] for sample in train]
    tagged = [_tags(text, sample, fields) for text, sample in zip(read, train, strict=True)]
    lexicon = lexicon_of(([w.form for w in text], tags) for text, tags in zip(read, tagged, strict=True))
    tags = ("O", *sorted({tag for row in tagged for tag in row if tag != "O"}))
    hashes = [_hashes(t, s, lexicon, fields, taught.framing) for t, s in zip(read, train, strict=True)]
    known = _vocabulary(hashes, least=int(candidate.setting("min_count", 2)), tags=len(tags))
    vectors = None
    if body is not None:
        vectors = body.vectors([s.text for s in train], read, heard=lambda done: heard(_READING * done))
    begun = 0.0 if body is None else _READING
    chain = crf.fit(
        _tagged(hashes, tagged, known, tags, vectors),
        features=len(known),
        allowed=_allowed(tags),
        settings=_settings(candidate, len(train), is_dense=body is not None),
        seed=seed,
        heard=lambda done: heard(begun + (1 - begun) * done),
    )
    parts = TaggerParts(
        weights=_exported(chain, known),
        tags=tags,
        lexicon=lexicon,
        fields=tuple(fields),
        classifiers={},
        framing=taught.framing,
        branches=(),
        schema={},
        fallback={},
    )
    return FittedChain(parts=parts, dense=chain.dense)


def _tags(text: Sequence[words.Word], sample: Sample, fields: Sequence[Field]) -> list[str]:
    values = [
        (str(number), value)
        for number, field in enumerate(fields)
        if field.source == "span"
        for value in span_values(field, object_of(sample))
    ]
    return aligned(text, values)[0]


def _settings(candidate: Candidate, rows: int, *, is_dense: bool) -> crf.FitSettings:
    epochs = int(candidate.setting("epochs", _epochs(rows)))
    if not is_dense:
        return crf.FitSettings(epochs=epochs)
    return crf.FitSettings(epochs=epochs, batch=_FEW_BATCH if rows < _FEW_ROWS else _DENSE_BATCH)


def _epochs(rows: int) -> int:
    """Returns how often each text is seen: at least 1,500 steps of 32 texts, at most 40 times."""
    return min(40, max(6, -(-1500 * 32 // rows)))


def _hashes(
    text: Sequence[words.Word],
    sample: Sample,
    lexicon: Lexicon,
    fields: Sequence[Field],
    framing: int | None,
) -> list[NDArray[np.uint32]]:
    plain = words.features(text, lexicon, known=True)
    if framing is not None:
        plain = framed(plain, text, category_of(fields[framing], object_of(sample)))
    return packed(plain)


def _vocabulary(
    hashes: Sequence[Sequence[NDArray[np.uint32]]], *, least: int, tags: int
) -> NDArray[np.uint32]:
    """Returns the features met often enough, rising; few enough for the weights to fit in memory."""
    flat = [word for text in hashes for word in text]
    if not flat:
        return np.empty(0, np.uint32)
    values, counts = np.unique(np.concatenate(flat), return_counts=True)
    while ((counts >= least).sum() * tags) > _MOST_WEIGHTS:
        least += 1
    return values[counts >= least].astype(np.uint32)


def _tagged(
    hashes: Sequence[Sequence[NDArray[np.uint32]]],
    tagged: Sequence[Sequence[str]],
    known: NDArray[np.uint32],
    tags: Sequence[str],
    vectors: Sequence[NDArray[np.float16]] | None,
) -> crf.Tagged:
    position = {tag: index for index, tag in enumerate(tags)}
    features, codes = [], []
    for text, row in zip(hashes, tagged, strict=True):
        if not text:
            continue
        features.append([_positions(word, known) for word in text])
        codes.append(np.array([position[tag] for tag in row], dtype=np.int64))
    return crf.Tagged(features=features, tags=codes, vectors=[rows for rows in vectors or () if len(rows)])


def _positions(word: NDArray[np.uint32], known: NDArray[np.uint32]) -> NDArray[np.int64]:
    place = np.minimum(np.searchsorted(known, word), len(known) - 1)
    found: NDArray[np.int64] = place[known[place] == word].astype(np.int64)
    return found


def _allowed(tags: Sequence[str]) -> NDArray[np.bool_]:
    """Returns which tag may follow which: "I-x" only "B-x" or "I-x"."""
    allowed = np.ones((len(tags), len(tags)), dtype=bool)
    for column, tag in enumerate(tags):
        if tag.startswith("I-"):
            allowed[:, column] = [before[2:] == tag[2:] and before != "O" for before in tags]
    return allowed


def _exported(chain: crf.Chain, known: NDArray[np.uint32]) -> TaggerWeights:
    strength = np.abs(chain.emission).max(axis=1, initial=0.0)
    kept = strength >= _PRUNED_BELOW
    rows, scale = quantised(chain.emission[kept])
    return TaggerWeights(features=known[kept], rows=rows, scale=scale, transition=chain.transition)
