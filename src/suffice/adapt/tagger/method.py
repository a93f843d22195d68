"""The method of extraction's cheapest rung: a chain for what is copied, linear models for what is chosen."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suffice.adapt.linear.fit import TaughtTexts, trained
from suffice.adapt.tagger import crf
from suffice.adapt.tagger.align import aligned
from suffice.adapt.tagger.confidence import fitted
from suffice.adapt.tagger.fields import branches_of, category_of, fields_of, span_values
from suffice.candidate import Candidate
from suffice.errors import DataError, SpecError
from suffice.models.linear import LinearModel
from suffice.models.linear_weights import quantised
from suffice.models.tagger import frame, words
from suffice.models.tagger.frame import Field
from suffice.models.tagger.lexicon import Lexicon, lexicon_of
from suffice.models.tagger.model import TaggerModel, TaggerParts, framed, packed
from suffice.models.tagger.weights import TaggerWeights
from suffice.ports import Progress, TrainingRows
from suffice.task import Kind, Sample

_LEAST_ROWS = 10
# More texts are not learnt from, a random part of them is: a million words take 2 GB and some minutes.
_MOST_ROWS = 50_000
_MOST_WORDS = 512  # of one text
_MOST_WEIGHTS = 24_000_000
# A feature that moves no tag's score by so much is left out: on SNIPS four of five, to the same answers.
_PRUNED_BELOW = 0.05
_LIMITS = {"epochs": (1, 100), "min_count": (1, 100)}


class TaggerMethod:
    """Makes a tagger from the train rows' objects; its confidence is set on dev."""

    def apply(
        self,
        candidate: Candidate,
        rows: TrainingRows,
        *,
        out: Path,
        teacher: Path | None,  # noqa: ARG002 - a method's signature
        seed: int,
        progress: Progress,
    ) -> None:
        """Writes the artefact into `out`.

        Raises:
            DataError: too few rows, or no field can be copied or chosen.
            SpecError: another kind of task, a setting it does not know, or of a wrong value.
        """
        _check(candidate, rows)
        schema = rows.schema or {"type": "object"}
        train = _some(rows.train, seed)
        fields, fallback = fields_of(train, schema), _usual_object(train, schema)
        if not fields:
            raise DataError(
                f"no field of the {len(train):,} train objects stands in its text or is one of few values",
                hint="this task needs a model that writes: leave the tagger out of `ladder:`",
            )

        def heard(done: float) -> None:
            progress(f"make {candidate.name}", done, 1.0)

        classifiers = _classifiers(fields, train, rows.dev, seed=seed)
        heard(0.2)
        framing = _framing(fields)
        parts = _chain(
            candidate, fields, train, framing=framing, seed=seed, heard=lambda done: heard(0.2 + 0.7 * done)
        )
        parts = dataclasses.replace(
            parts, classifiers=classifiers, branches=branches_of(train), schema=schema, fallback=fallback
        )
        slope, offset = fitted(TaggerModel(parts, name=candidate.name), rows.dev)
        heard(1.0)
        parts = dataclasses.replace(parts, slope=slope, offset=offset)
        TaggerModel(parts, name=candidate.name).seal(out)


def _check(candidate: Candidate, rows: TrainingRows) -> None:
    if rows.kind is not Kind.EXTRACT:
        raise SpecError(
            f"ladder: {candidate.name!r} is a tagger, which serves extract, not {rows.kind.value}"
        )
    if len(rows.train) < _LEAST_ROWS:
        raise DataError(
            f"a tagger cannot be made of {len(rows.train)} train rows with an object",
            hint=f"give at least {_LEAST_ROWS}; some hundreds are a start",
        )
    for name, value in candidate.settings:
        if name not in _LIMITS:
            raise SpecError(
                f"ladder: {candidate.name!r} has the setting {name!r}; a tagger has {', '.join(_LIMITS)}"
            )
        low, high = _LIMITS[name]
        if not isinstance(value, int) or not low <= value <= high:
            raise SpecError(f"ladder: {candidate.name!r}: {name} is {value!r}, expected {low} to {high}")


def _some(train: Sequence[Sample], seed: int) -> list[Sample]:
    order = np.random.default_rng(seed).permutation(len(train))[:_MOST_ROWS]
    return [train[row] for row in order]


def _usual_object(train: Sequence[Sample], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the most frequent target that fits the schema: the answer where nothing else fits."""
    from jsonschema.validators import validator_for  # noqa: PLC0415 - slow to import; only taggers need it

    validator = validator_for(schema)(schema)
    counts = Counter(frame.written(_target(sample)) for sample in train)
    targets = {frame.written(_target(sample)): _target(sample) for sample in train}
    for text, _ in counts.most_common():
        if validator.is_valid(targets[text]):
            return targets[text]
    raise DataError(
        f"none of the {len(train):,} train targets fits the task's schema",
        hint="correct `schema:` or the rows",
    )


def _target(sample: Sample) -> Mapping[str, Any]:
    return sample.target if isinstance(sample.target, Mapping) else {}


def _classifiers(
    fields: Sequence[Field], train: Sequence[Sample], dev: Sequence[Sample], *, seed: int
) -> dict[int, LinearModel]:
    """Returns a linear model for each field that is a category."""
    found = {}
    for number, field in enumerate(fields):
        if field.source != "category":
            continue
        position = {value: index for index, value in enumerate(field.values)}

        def taught(samples: Sequence[Sample], field: Field = field, position: Any = position) -> TaughtTexts:
            pairs = [(s.text, position.get(category_of(field, _target(s)))) for s in samples]
            known = [(text, index) for text, index in pairs if index is not None]
            classes = np.array([index for _, index in known], dtype=np.int64)
            return TaughtTexts(texts=[text for text, _ in known], targets=classes)

        found[number] = trained(
            Candidate(name=".".join(field.path), kind="linear"),
            taught(train),
            taught(dev),
            labels=field.values,
            seed=seed,
            progress=lambda *_: None,
        )
    return found


def _framing(fields: Sequence[Field]) -> int | None:
    """Returns the category that every object has and that has the most values: the object's sort."""
    able = [
        (len(field.values), -number)
        for number, field in enumerate(fields)
        if field.source == "category" and frame.ABSENT not in field.values and len(field.values) <= 64
    ]
    return -max(able)[1] if able else None


def _chain(
    candidate: Candidate,
    fields: Sequence[Field],
    train: Sequence[Sample],
    *,
    framing: int | None,
    seed: int,
    heard: Callable[[float], None],
) -> TaggerParts:
    """Returns the chain's parts: weights in 8 bits, tags and lexicon."""
    read = [words.words_of(sample.text)[:_MOST_WORDS] for sample in train]
    tagged = [
        aligned(
            text,
            [
                (str(number), value)
                for number, field in enumerate(fields)
                if field.source == "span"
                for value in span_values(field, _target(sample))
            ],
        )[0]
        for text, sample in zip(read, train, strict=True)
    ]
    lexicon = lexicon_of(([w.form for w in text], tags) for text, tags in zip(read, tagged, strict=True))
    tags = ("O", *sorted({tag for row in tagged for tag in row if tag != "O"}))
    hashes = [_hashes(t, s, lexicon, fields, framing) for t, s in zip(read, train, strict=True)]
    known = _vocabulary(hashes, least=int(candidate.setting("min_count", 2)), tags=len(tags))
    texts = _tagged(hashes, tagged, known, tags)
    settings = crf.FitSettings(epochs=int(candidate.setting("epochs", _epochs(len(train)))))
    chain = crf.fit(
        texts, features=len(known), allowed=_allowed(tags), settings=settings, seed=seed, heard=heard
    )
    return TaggerParts(
        weights=_exported(chain, known),
        tags=tags,
        lexicon=lexicon,
        fields=tuple(fields),
        classifiers={},
        framing=framing,
        branches=(),
        schema={},
        fallback={},
    )


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
        plain = framed(plain, text, category_of(fields[framing], _target(sample)))
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
) -> crf.Tagged:
    position = {tag: index for index, tag in enumerate(tags)}
    features, codes = [], []
    for text, row in zip(hashes, tagged, strict=True):
        if not text:
            continue
        features.append([_positions(word, known) for word in text])
        codes.append(np.array([position[tag] for tag in row], dtype=np.int64))
    return crf.Tagged(features=features, tags=codes)


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
