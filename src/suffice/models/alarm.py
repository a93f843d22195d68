"""A classifier that names one class wherever its probability reaches a threshold, not only where it wins."""

import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from suffice.errors import ArtefactError
from suffice.models import artefact, registry
from suffice.models.shares import shares_of
from suffice.ports import Answer, Classifier, Model, Request

KIND = "alarm"
_INNER = "inner"


class LocalClassifier(Model, Classifier, Protocol):
    """A model that is a classifier too, as all local rungs are."""


class AlarmModel:
    """Answers `positive` where P(positive) >= threshold, else the most probable other label.

    An answer's confidence is the inner classifier's probability of the label that is named, so it
    may be small where the alarm is raised early. It is no `Classifier` itself: what it names is not
    always the most probable.
    """

    def __init__(self, inner: LocalClassifier, *, name: str, positive: str, threshold: float) -> None:
        if positive not in inner.labels or len(inner.labels) < 2:
            raise ArtefactError(f"{name}: {positive!r} is not one of several labels of {inner.name!r}")
        if not math.isfinite(threshold):
            raise ArtefactError(f"{name}: the threshold must be a number, not {threshold!r}")
        self._inner = inner
        self._name = name
        self._positive = inner.labels.index(positive)
        self._threshold = threshold

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Returns the model in a folder.

        Raises:
            ArtefactError: a file is missing, damaged or changed, or the inner model is no classifier.
        """
        settings = artefact.unseal(folder).settings
        inner = registry.load(folder / _INNER)
        if not isinstance(inner, Classifier):
            raise ArtefactError(f"{folder}: the inner model {inner.name!r} shows no probabilities")
        try:
            name, positive = str(settings["name"]), str(settings["positive"])
            threshold = float(settings["threshold"])
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactError(f"{folder}: the alarm's settings are damaged: {error!r}") from error
        return cls(inner, name=name, positive=positive, threshold=threshold)

    @property
    def name(self) -> str:
        """Returns the name under which it is measured and served."""
        return self._name

    @property
    def simulated(self) -> bool:
        """Says whether the inner model's answers are made up."""
        return self._inner.simulated

    @property
    def inner(self) -> LocalClassifier:
        """Returns the classifier whose probability is looked at."""
        return self._inner

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns one answer per request: the alarm where it is reached, else the best other label."""
        if not requests:
            return []
        said = self._inner.classify([request.text for request in requests])
        others = said.probabilities.copy()
        others[:, self._positive] = -1.0
        is_alarm = said.probabilities[:, self._positive] >= self._threshold
        named = np.where(is_alarm, self._positive, others.argmax(axis=1))
        return [
            Answer(
                text=self._inner.labels[label],
                confidence=float(said.probabilities[row, label]),
                novelty=float(said.novelty[row]),
                tier=self._name,
                notes=said.notes[row] if said.notes else (),
                probabilities=shares_of(requests[row], self._inner.labels, said.probabilities[row]),
            )
            for row, label in enumerate(named)
        ]

    async def close(self) -> None:
        """Closes the inner model."""
        await self._inner.close()


def seal(inner: Path, *, out: Path, name: str, positive: str, threshold: float) -> artefact.Artefact:
    """Returns the artefact of an alarm over the classifier in `inner`, copied into the empty folder `out`.

    Raises:
        ArtefactError: the inner folder is damaged.
    """
    artefact.unseal(inner)
    shutil.copytree(inner, out / _INNER)
    settings = {"name": name, "positive": positive, "threshold": threshold}
    return artefact.seal(out, kind=KIND, settings=settings)
