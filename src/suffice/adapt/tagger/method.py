"""The methods of extraction's taggers: a chain for what is copied, linear models for what is chosen."""

import dataclasses
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from suffice.adapt.encoder.weights import REPOSITORY, EncoderFiles, encoder_for
from suffice.adapt.linear.fit import TaughtTexts, trained
from suffice.adapt.tagger.body import FrozenBody
from suffice.adapt.tagger.chain import MOST_WORDS, Objects, fitted_chain
from suffice.adapt.tagger.confidence import fitted
from suffice.adapt.tagger.fields import branches_of, category_of, fields_of, object_of
from suffice.candidate import Candidate
from suffice.errors import DataError, SpecError
from suffice.models.linear import LinearModel
from suffice.models.tagger import frame
from suffice.models.tagger.frame import Field
from suffice.models.tagger.model import TaggerModel
from suffice.models.tagger.words import words_of
from suffice.ports import Progress, TrainingRows
from suffice.task import Kind, Sample

_LEAST_ROWS = 10
# More texts are not learnt from, a random part of them is: a million words take 2 GB and some minutes.
_MOST_ROWS = 50_000
# Words with a vector: 400,000 take 0.3 GB.
_MOST_VECTORS = 400_000
_LAYERS = 3
_LIMITS = {"epochs": (1, 100), "min_count": (1, 100)}
_ENCODER_LIMITS = {**_LIMITS, "layers": (1, 48), "threads": (1, 1024)}


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
        _check(candidate, rows, limits=_LIMITS)
        making = _Making(candidate=candidate, rows=rows, out=out, seed=seed, progress=progress)
        _make(making, _some(rows.train, seed), body=None)


class EncoderTaggerMethod:
    """Makes a tagger that reads what a frozen encoder says of each word, beside the word's features.

    Settings of the candidate beside those of a tagger: `layers` of the encoder that are kept (3), `threads`
    (for making it; all cores), `weights` (a folder, else the installed package), `hub` (ask the hub for
    absent weights). Needs no torch.
    """

    def __init__(self, encoder: EncoderFiles | None = None) -> None:
        self._encoder = encoder

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
            ArtefactError: the encoder's weights are absent or not the official ones.
            DataError: too few rows, or no field can be copied or chosen.
            SpecError: another kind of task, a setting it does not know, or of a wrong value.
        """
        _check(candidate, rows, limits=_ENCODER_LIMITS, others=("weights", "hub"))
        body = FrozenBody(
            self._encoder or encoder_for(candidate),
            layers=int(candidate.setting("layers", _LAYERS)),
            threads=int(candidate.setting("threads", os.cpu_count() or 1)),
        )
        making = _Making(candidate=candidate, rows=rows, out=out, seed=seed, progress=progress)
        _make(making, _within(_some(rows.train, seed), _MOST_VECTORS), body=body)


@dataclass(frozen=True, kw_only=True)
class _Making:
    """What a method was told."""

    candidate: Candidate
    rows: TrainingRows
    out: Path
    seed: int
    progress: Progress

    def heard(self, done: float) -> None:
        """Tells the share that is done."""
        self.progress(f"make {self.candidate.name}", done, 1.0)


def _make(making: _Making, train: Sequence[Sample], *, body: FrozenBody | None) -> None:
    """Writes the tagger fitted to `train`, which are the train rows or a part of them."""
    rows, name = making.rows, making.candidate.name
    schema = rows.schema or {"type": "object"}
    fields, fallback = fields_of(train, schema), _usual_object(train, schema)
    if not fields:
        raise DataError(
            f"no field of the {len(train):,} train objects stands in its text or is one of few values",
            hint="this task needs a model that writes: leave the tagger out of `ladder:`",
        )
    classifiers = _classifiers(fields, train, rows.dev, seed=making.seed)
    making.heard(0.2)
    chain = fitted_chain(
        making.candidate,
        Objects(samples=train, fields=fields, framing=_framing(fields)),
        body=body,
        seed=making.seed,
        heard=lambda done: making.heard(0.2 + 0.7 * done),
    )
    parts = dataclasses.replace(
        chain.parts, classifiers=classifiers, branches=branches_of(train), schema=schema, fallback=fallback
    )
    # From here on it is the exported encoder that answers: what is calibrated is what is served.
    encoder = None if body is None else body.export(chain.dense, making.out)
    slope, offset = fitted(TaggerModel(parts, name=name, encoder=encoder), rows.dev)
    making.heard(1.0)
    parts = dataclasses.replace(parts, slope=slope, offset=offset)
    facts = {} if body is None else {"base": REPOSITORY, "layers": body.layers}
    TaggerModel(parts, name=name, encoder=encoder).seal(making.out, facts)


def _check(
    candidate: Candidate,
    rows: TrainingRows,
    *,
    limits: Mapping[str, tuple[int, int]],
    others: Sequence[str] = (),
) -> None:
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
        if name in others:
            continue
        if name not in limits:
            known = ", ".join((*limits, *others))
            raise SpecError(f"ladder: {candidate.name!r} has the setting {name!r}; a tagger has {known}")
        low, high = limits[name]
        if not isinstance(value, int) or not low <= value <= high:
            raise SpecError(f"ladder: {candidate.name!r}: {name} is {value!r}, expected {low} to {high}")


def _some(train: Sequence[Sample], seed: int) -> list[Sample]:
    order = np.random.default_rng(seed).permutation(len(train))[:_MOST_ROWS]
    return [train[row] for row in order]


def _within(train: Sequence[Sample], most_words: int) -> Sequence[Sample]:
    """Returns as many of the first rows as hold no more words than that."""
    words = np.cumsum([min(len(words_of(sample.text)), MOST_WORDS) for sample in train])
    return train[: max(_LEAST_ROWS, int((words <= most_words).sum()))]


def _usual_object(train: Sequence[Sample], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the most frequent target that fits the schema: the answer where nothing else fits."""
    from jsonschema.validators import validator_for  # noqa: PLC0415 - slow to import; only taggers need it

    validator = validator_for(schema)(schema)
    counts = Counter(frame.written(object_of(sample)) for sample in train)
    targets = {frame.written(object_of(sample)): object_of(sample) for sample in train}
    for text, _ in counts.most_common():
        if validator.is_valid(targets[text]):
            return targets[text]
    raise DataError(
        f"none of the {len(train):,} train targets fits the task's schema",
        hint="correct `schema:` or the rows",
    )


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
            pairs = [(s.text, position.get(category_of(field, object_of(s)))) for s in samples]
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
