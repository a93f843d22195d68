"""The tagging rungs of extraction: a linear chain tags the words, what is tagged becomes the object."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from suffice import files
from suffice.errors import ArtefactError
from suffice.models import artefact
from suffice.models.embedder import TOKENIZER_FILE
from suffice.models.linear import LinearModel
from suffice.models.tagger import frame, words
from suffice.models.tagger.chain import best_tags
from suffice.models.tagger.frame import Field
from suffice.models.tagger.lexicon import Lexicon, spans
from suffice.models.tagger.weights import TaggerWeights
from suffice.models.tagger.word_states import STATES_FILE, SaidOfWords, WordStates
from suffice.ports import UNKNOWN_USAGE, Answer, Request, Usage

KIND = "tagger"
_LEXICON = "lexicon.json"
# Words that are read of a text; of what comes after, a note says that it was not.
_MOST_WORDS = 4096
# A category that is less probable than this beside the best one is not tried with its own tags.
_LEAST_SHARE, _MOST_TRIED = 0.02, 2


@dataclass(frozen=True, kw_only=True)
class TaggerParts:
    """What a tagger is made of.

    `fields` in the order of the answer; tags are "O" and "B-i", "I-i" for the i-th field. `classifiers` by
    the field's number. `framing` is the number of the category that the tags depend on, or None;
    `branches` are inner objects that always stand. `slope`, `offset`: confidence = sigmoid(slope * logit(p) +
    offset), set on dev. `fallback` is answered where an object does not fit the schema.
    """

    weights: TaggerWeights
    tags: tuple[str, ...]
    lexicon: Lexicon
    fields: tuple[Field, ...]
    classifiers: Mapping[int, LinearModel]
    framing: int | None
    branches: tuple[frame.Path, ...]
    schema: Mapping[str, Any]
    fallback: Mapping[str, Any]
    slope: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Found:
    """One text's object, the log of its probability, and how unlike the training data the text is."""

    value: Mapping[str, Any]
    log_probability: float
    novelty: float | None
    notes: tuple[str, ...] = ()
    usage: Usage = UNKNOWN_USAGE


class TaggerModel:
    """Copies values out of a text into an object that always fits the schema.

    Words are scored by their features, in about a millisecond a text; with an `encoder`, whose numbers by
    word are scores of the tags, by what it says of them, too, in some milliseconds.
    """

    simulated = False

    def __init__(self, parts: TaggerParts, *, name: str, encoder: WordStates | None = None) -> None:
        from jsonschema.validators import validator_for  # noqa: PLC0415 - slow to import; only taggers need it

        self._name = name
        self._parts = parts
        self._encoder = encoder
        self._validator = validator_for(parts.schema)(parts.schema)

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1) -> Self:
        """Returns the model in a folder; an encoder will use the stated number of threads.

        Raises:
            ArtefactError: a file is missing, damaged, changed, or of another kind of model.
        """
        sealed = artefact.unseal(folder)
        if sealed.kind != KIND:
            raise ArtefactError(f"{folder} holds a model of kind {sealed.kind!r}, not {KIND!r}")
        settings = sealed.settings
        try:
            if settings["feature_scheme"] != words.SCHEME:
                raise ArtefactError(
                    f"{folder}: made with feature scheme {settings['feature_scheme']!r}; this version has "
                    f"{words.SCHEME}",
                    hint="make the model again with this version",
                )
            fields = tuple(Field.from_json(field) for field in settings["fields"])
            said = json.loads(sealed.file(_LEXICON).read_text(encoding="utf-8"))
            parts = TaggerParts(
                weights=TaggerWeights.read(folder, labels=len(settings["tags"])),
                tags=tuple(settings["tags"]),
                lexicon=Lexicon(values=said["values"], outside=frozenset(said["outside"])),
                fields=fields,
                classifiers={
                    number: LinearModel.load(folder / f"field-{number}")
                    for number, field in enumerate(fields)
                    if field.source == "category"
                },
                framing=settings["framing"],
                branches=tuple(map(tuple, settings["branches"])),
                schema=settings["task"]["schema"],
                fallback=settings["fallback"],
                slope=float(settings["slope"]),
                offset=float(settings["offset"]),
            )
            return cls(parts, name=settings["name"], encoder=_encoder_of(sealed, parts, threads=threads))
        except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArtefactError(f"{folder}: the tagger's settings are damaged: {error!r}") from error

    def seal(self, folder: Path, facts: Mapping[str, Any] | None = None) -> artefact.Artefact:
        """Returns the artefact of this model, written into a folder that is empty but for its encoder.

        `facts` is added to the settings for people to read.
        """
        parts = self._parts
        parts.weights.write(folder)
        lexicon = {"values": dict(parts.lexicon.values), "outside": sorted(parts.lexicon.outside)}
        files.write_text(folder / _LEXICON, json.dumps(lexicon, ensure_ascii=False, separators=(",", ":")))
        for number, classifier in parts.classifiers.items():
            (folder / f"field-{number}").mkdir()
            classifier.seal(folder / f"field-{number}")
        settings = {
            "name": self._name,
            "task": {"kind": "extract", "labels": [], "schema": parts.schema},
            "feature_scheme": words.SCHEME,
            "tags": list(parts.tags),
            "fields": [field.to_json() for field in parts.fields],
            "framing": parts.framing,
            "branches": [list(branch) for branch in parts.branches],
            "fallback": parts.fallback,
            "slope": parts.slope,
            "offset": parts.offset,
            "has_encoder": self._encoder is not None,
            **(facts or {}),
        }
        return artefact.seal(folder, kind=KIND, settings=settings)

    @property
    def name(self) -> str:
        """Returns the name under which it is measured and served."""
        return self._name

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns one object per request, as compact JSON."""
        found = self.find([request.text for request in requests])
        return [self._answer(one) for one in found]

    async def close(self) -> None:
        """Does nothing: the weights go with the object."""

    def find(self, texts: Sequence[str]) -> list[Found]:
        """Returns the most probable object for each text."""
        every = [words.words_of(text) for text in texts]
        if self._encoder is None:
            return [self._find(text, own, None) for text, own in zip(texts, every, strict=True)]
        said = self._encoder.read(texts, [own[:_MOST_WORDS] for own in every])
        return [self._find(text, own, one) for text, own, one in zip(texts, every, said, strict=True)]

    def _find(self, text: str, every: Sequence[words.Word], said: SaidOfWords | None) -> Found:
        parts = self._parts
        read = every[: _MOST_WORDS if said is None else len(said.rows)]
        notes = () if len(read) == len(every) else (f"only the first {len(read):,} words were read",)
        chosen, likely, novelty = self._categories(text)
        plain = words.features(read, parts.lexicon)
        options = likely or [("", 0.0)]
        results = []
        for category, log_p in options:
            hashed = framed(plain, read, category) if likely else plain
            scores = parts.weights.scores(packed(hashed))
            scores = scores if said is None else scores + said.rows
            tags, log_tags = best_tags(scores, parts.weights.transition)
            results.append((log_p + log_tags, category, tags))
        log_best, category, tags = max(results, key=lambda result: result[0])
        log_others = sum(
            log_p for number, (_, log_p) in chosen.items() if number != parts.framing or not likely
        )
        if parts.framing is not None and likely:
            chosen[parts.framing] = (category, 0.0)
        value = self._object(text, read, tags, {number: value for number, (value, _) in chosen.items()})
        return Found(
            value=value,
            log_probability=log_best + log_others,
            novelty=novelty,
            notes=notes,
            usage=UNKNOWN_USAGE if said is None else Usage(input_tokens=said.tokens_read, output_tokens=0),
        )

    def _answer(self, found: Found) -> Answer:
        confidence, value, notes = self._confidence(found.log_probability), found.value, found.notes
        if not self._validator.is_valid(value):
            notes = (*notes, "what was found does not fit the schema; this is the usual object instead")
            confidence, value = 0.0, self._parts.fallback
        return Answer(
            text=frame.written(value),
            confidence=confidence,
            novelty=found.novelty,
            tier=self._name,
            notes=notes,
            usage=found.usage,
        )

    def _confidence(self, log_probability: float) -> float:
        z = self._parts.slope * log_odds(log_probability) + self._parts.offset
        return 1.0 / (1.0 + math.exp(-min(max(z, -500.0), 500.0)))

    def _categories(
        self, text: str
    ) -> tuple[dict[int, tuple[str, float]], list[tuple[str, float]], float | None]:
        """Returns each category's best value with its log-probability, the framing's likely ones, novelty."""
        chosen: dict[int, tuple[str, float]] = {}
        likely: list[tuple[str, float]] = []
        novelty = None
        for number, classifier in self._parts.classifiers.items():
            said = classifier.classify([text])
            shares = said.probabilities[0]
            best = int(shares.argmax())
            chosen[number] = (classifier.labels[best], math.log(max(float(shares[best]), 1e-12)))
            novelty = max(novelty or 0.0, float(said.novelty[0]))
            if number == self._parts.framing:
                ranked = np.argsort(-shares, kind="stable")[:_MOST_TRIED]
                likely = [
                    (classifier.labels[at], math.log(float(shares[at])))
                    for at in ranked
                    if shares[at] >= _LEAST_SHARE * shares[best]
                ]
        return chosen, likely, novelty

    def _object(
        self, text: str, read: Sequence[words.Word], tags: Sequence[int], categories: Mapping[int, str]
    ) -> dict[str, Any]:
        parts = self._parts
        found: dict[int, list[Any]] = {}
        for name, start, end in spans([parts.tags[tag] for tag in tags]):
            value = frame.value_of(text[read[start].start : read[end - 1].end], parts.fields[int(name)])
            if value is not None:
                found.setdefault(int(name), []).append(value)
        values: list[tuple[frame.Path, Any]] = []
        for number, field in enumerate(parts.fields):
            if field.source == "span":
                several = found.get(number, [])
                if field.many == "list" or (field.many == "mixed" and len(several) > 1):
                    values += [(field.path, several)] if several else []
                elif several:
                    values.append((field.path, several[0]))
                continue
            said = categories[number] if field.source == "category" else field.values[0]
            if said != frame.ABSENT:
                values.append((field.path, json.loads(said)))
        return frame.built(values, parts.branches)


def _encoder_of(sealed: artefact.Artefact, parts: TaggerParts, *, threads: int) -> WordStates | None:
    if not sealed.settings.get("has_encoder", False):
        return None
    encoder = WordStates(sealed.file(STATES_FILE), sealed.file(TOKENIZER_FILE), threads=threads)
    if encoder.width != len(parts.tags):
        raise ArtefactError(
            f"{sealed.folder}: the encoder gives {encoder.width} scores a word, not one for each of "
            f"{len(parts.tags)} tags"
        )
    return encoder


def framed(plain: Sequence[Sequence[int]], read: Sequence[words.Word], category: str) -> list[list[int]]:
    """Returns the words' features with those that go with the object's category."""
    return [
        [*features, *words.framing_features(word, category)]
        for features, word in zip(plain, read, strict=True)
    ]


def packed(features: Sequence[Sequence[int]]) -> list[NDArray[np.uint32]]:
    """Returns each word's distinct features, rising."""
    return [np.unique(np.array(word, dtype=np.uint32)) for word in features]


def log_odds(log_probability: float) -> float:
    """Returns log(p / (1 - p)), p cut to [1e-9, 1 - 1e-9]."""
    p = min(max(math.exp(log_probability), 1e-9), 1 - 1e-9)
    return math.log(p / (1 - p))
