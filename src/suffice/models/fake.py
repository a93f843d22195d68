"""A model of set accuracy, latency and price, for tests and demonstrations: always marked as simulated."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from suffice import fingerprint
from suffice.errors import ArtefactError
from suffice.models import artefact
from suffice.models.http.spend import tokens_of_text
from suffice.ports import Answer, Request, Usage


@dataclass(frozen=True, kw_only=True)
class FakeSettings:
    """What the fake is like.

    `truth` maps request keys to right answers. `informativeness` says how much its confidence
    knows: at 0 it is `accuracy` for every request, at 1 it is 1 where the answer is right and 0
    where it is wrong; in between it is calibrated.
    """

    name: str = "fake"
    labels: tuple[str, ...]
    truth: Mapping[str, str] = field(default_factory=dict)
    accuracy: float = 0.9
    informativeness: float = 0.5
    latency_ms: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.labels:
            raise ValueError("a fake model needs at least one label")
        for name in ("accuracy", "informativeness"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must lie in [0, 1], not {getattr(self, name)!r}")


class FakeModel:
    """Answers right with a set probability; the same request always gets the same answer."""

    simulated = True

    def __init__(self, settings: FakeSettings) -> None:
        self._settings = settings

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Returns the fake in a folder.

        Raises:
            ArtefactError: its settings are damaged.
        """
        settings = dict(artefact.unseal(folder).settings)
        try:
            return cls(FakeSettings(**{**settings, "labels": tuple(settings["labels"])}))
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactError(f"{folder}: the fake's settings are damaged: {error!r}") from error

    def seal(self, folder: Path) -> artefact.Artefact:
        """Returns the artefact of this fake, written into an empty folder."""
        return artefact.seal(folder, kind="fake", settings=asdict(self._settings))

    @property
    def name(self) -> str:
        """Returns the name it was given."""
        return self._settings.name

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns one made-up answer per request; where the truth is unknown, some label."""
        return [self._answer(request) for request in requests]

    async def close(self) -> None:
        """Does nothing: a fake holds nothing."""

    def _answer(self, request: Request) -> Answer:
        settings = self._settings
        digest = fingerprint.of_text(f"{settings.seed}/{settings.name}/{request.key or request.text}")
        rng = np.random.default_rng(int(digest[:16], 16))
        chance = self._chance(rng)
        truth = settings.truth.get(request.key)
        wrong = [label for label in settings.labels if label != truth]
        is_right = truth is not None and (rng.random() < chance or not wrong)
        text = truth if is_right else wrong[int(rng.integers(len(wrong)))]
        return Answer(
            text=text,
            confidence=chance,
            usage=Usage(input_tokens=tokens_of_text(request.text), output_tokens=tokens_of_text(text or "")),
            latency_ms=settings.latency_ms,
            tier=settings.name,
        )

    def _chance(self, rng: np.random.Generator) -> float:
        """Returns this request's probability of a right answer, which is also the confidence.

        Beta(a s, (1 - a) s) has mean a, so the accuracy is as set, and the confidence calibrated,
        whatever the concentration s = (1 - i) / i that the informativeness i gives.
        """
        accuracy, informativeness = self._settings.accuracy, self._settings.informativeness
        if accuracy in {0.0, 1.0} or informativeness == 0.0:
            return accuracy
        if informativeness == 1.0:
            return float(rng.random() < accuracy)
        concentration = (1.0 - informativeness) / informativeness
        return float(rng.beta(accuracy * concentration, (1.0 - accuracy) * concentration))
