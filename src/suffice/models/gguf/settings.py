"""What a decoder's `model.json` says beside its weights: task, prompt, limits and calibration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from suffice.errors import ArtefactError
from suffice.forms import form_of
from suffice.models.decode.label_trie import Reading
from suffice.models.prompt import Prompt
from suffice.task import Kind

_SURE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How raw scores become probabilities of being right; fitted on dev, and neutral where it was not.

    Labels' log-probabilities are divided by `temperature` (Guo et al. 2017). A written answer's
    probability p, the geometric mean of its tokens', becomes sigmoid(`slope` * logit(p) + `intercept`)
    (Platt 1999). A text whose greatest label logit is at the dev texts' `median` has novelty 1/20, at
    their lowest twentieth, `edge`, 1/2; None: novelty is not known.
    """

    temperature: float = 1.0
    slope: float = 1.0
    intercept: float = 0.0
    median: float | None = None
    edge: float | None = None

    def confidence(self, probability: float) -> float:
        """Returns the calibrated probability that a written answer is right."""
        p = min(max(probability, _SURE), 1.0 - _SURE)
        return 1.0 / (1.0 + math.exp(-_bounded(self.slope * math.log(p / (1.0 - p)) + self.intercept)))

    def novelty(self, top_logit: float) -> float | None:
        """Returns the novelty in [0, 1] of a text by its greatest label logit, or None."""
        if self.median is None or self.edge is None:
            return None
        steepness = math.log(19.0) / max(self.median - self.edge, 1e-6)
        return 1.0 / (1.0 + math.exp(_bounded(steepness * (top_logit - self.edge))))


@dataclass(frozen=True, kw_only=True)
class DecoderSettings:
    """All that a decoder's answers depend on, but for its weights.

    `reading`: how far labels are read (see `decode.choose`). `samples`: how many further answers are
    drawn at `sample_temperature` to see how far they agree, in the form `form` (see `forms.form_of`;
    None: as plain text); 0 draws none. `guesses`: the most tokens looked up in the input at once.
    `stop`: texts before which an answer ends. `nearest`: how many train rows, the nearest to the
    document, are shown before it (see `gguf.nearest`).
    """

    name: str
    kind: Kind
    labels: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    prompt: Prompt = field(default_factory=Prompt)
    context_tokens: int | None = None
    max_answer_tokens: int = 256
    calibration: Calibration = field(default_factory=Calibration)
    reading: Reading = "differ"
    samples: int = 0
    sample_temperature: float = 1.0
    form: Mapping[str, Any] | None = None
    guesses: int = 0
    stop: tuple[str, ...] = ()
    nearest: int = 0

    def to_json(self) -> dict[str, Any]:
        """Returns the settings as an artefact seals them."""
        return {
            "name": self.name,
            "task": {
                "kind": self.kind.value,
                "labels": list(self.labels),
                "schema": None if self.schema is None else dict(self.schema),
            },
            "prompt": self.prompt.to_json(),
            "limits": {"context_tokens": self.context_tokens, "max_answer_tokens": self.max_answer_tokens},
            "calibration": vars(self.calibration).copy(),
            "answering": {
                "reading": self.reading,
                "samples": self.samples,
                "sample_temperature": self.sample_temperature,
                "form": None if self.form is None else dict(self.form),
                "guesses": self.guesses,
                "stop": list(self.stop),
                "nearest": self.nearest,
            },
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Returns the settings that `to_json` wrote; further keys are for people to read.

        `calibration` may be None (not fitted), and `answering` absent (its defaults).

        Raises:
            ArtefactError: a field is missing or cannot be used.
        """
        try:
            task, limits = value["task"], value["limits"]
            answering = dict(value.get("answering") or {})
            answering["stop"] = tuple(answering.get("stop", ()))
            settings = cls(
                name=str(value["name"]),
                kind=Kind(task["kind"]),
                labels=tuple(map(str, task.get("labels") or ())),
                schema=task.get("schema"),
                prompt=Prompt.from_json(value["prompt"]),
                context_tokens=limits.get("context_tokens"),
                max_answer_tokens=int(limits.get("max_answer_tokens") or cls.max_answer_tokens),
                calibration=Calibration(**(value.get("calibration") or {})),
                **answering,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArtefactError(f"the decoder's settings cannot be used: {error!r}") from error
        settings.check()
        return settings

    def check(self) -> None:
        """Checks that the task can be answered.

        Raises:
            ArtefactError: a classifier without two labels, an extractor without schema, an unknown kind.
        """
        if self.kind is Kind.CLASSIFY and len(set(self.labels)) < 2:
            raise ArtefactError(f"a decoder that classifies needs two labels or more; it has {self.labels}")
        if self.kind is Kind.EXTRACT and not isinstance(self.schema, Mapping):
            raise ArtefactError("a decoder that extracts needs the JSON Schema of its answers")
        if self.kind is Kind.RANK:
            raise ArtefactError("decoders classify, extract and generate; they do not rank")
        if self.reading not in {"differ", "whole"}:
            raise ArtefactError(f"labels are read to where they differ, or whole; not {self.reading!r}")
        if self.calibration.temperature <= 0:
            raise ArtefactError(f"the temperature is {self.calibration.temperature}; it must be above 0")
        if self.samples and not self.sample_temperature > 0:
            raise ArtefactError(f"samples are drawn at {self.sample_temperature}; it must be above 0")
        try:
            form_of(self.form or {"metric": "exact_match"})
        except KeyError as error:
            raise ArtefactError(f"answers have no form for the metric {error}") from error


def _bounded(value: float) -> float:
    return min(max(value, -500.0), 500.0)
