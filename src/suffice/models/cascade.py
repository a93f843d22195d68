"""Several models as one model: each tier answers what the tiers before it were not sure of."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from suffice.cascade import REFERENCE, Cascade, Tier
from suffice.errors import ArtefactError, ModelError
from suffice.models import artefact, registry, trust
from suffice.ports import Answer, Model, Request, Usage

if TYPE_CHECKING:  # the HTTP client is memory that a cascade of local tiers does not need
    from suffice.models.remembered import Calls

_Number = TypeVar("_Number", int, float)
_NOTHING_USED = Usage(input_tokens=0, output_tokens=0)


@dataclass(slots=True)
class _Trail:
    """What the tiers tried so far have taken for one request; None once a tier does not say."""

    latency_ms: float | None = 0.0
    input_tokens: int | None = 0
    output_tokens: int | None = 0
    notes: tuple[str, ...] = ()

    def add(self, answer: Answer) -> None:
        self.latency_ms = _sum(self.latency_ms, answer.latency_ms)
        self.input_tokens = _sum(self.input_tokens, answer.usage.input_tokens)
        self.output_tokens = _sum(self.output_tokens, answer.usage.output_tokens)
        if answer.error is not None:
            self.notes += (f"{answer.tier or 'a tier'} failed: {answer.error}",)

    def onto(self, answer: Answer) -> Answer:
        """Returns the answer with the whole way's latency, usage and failures."""
        usage = Usage(input_tokens=self.input_tokens, output_tokens=self.output_tokens)
        return replace(answer, latency_ms=self.latency_ms, usage=usage, notes=(*self.notes, *answer.notes))


class CascadeModel:
    """A model made of models, so it is measured, certified, served and nested like any other.

    An answer is kept when it is there and its trust score reaches its tier's threshold. A tier
    that fails passes its requests up, with a note. Where the last tier is the reference and none
    is given, its requests come back open: no text, `escalated`.
    """

    def __init__(
        self, cascade: Cascade, models: Mapping[str, Model], *, rule: trust.Trust | None = None
    ) -> None:
        needed = {tier.model for tier in cascade.tiers[:-1]} | set(cascade.local_models)
        if missing := sorted(needed - set(models)):
            raise ArtefactError(f"cascade {cascade.name!r} lacks its tier {missing[0]!r}")
        self._cascade = cascade
        self._models = {tier.model: models[tier.model] for tier in cascade.tiers if tier.model in models}
        self._rule = rule or trust.RULES[trust.DEFAULT]

    @classmethod
    def load(cls, folder: Path, *, calls: Calls | None = None) -> Self:
        """Returns the cascade in a folder with its local tiers; a reference tier stays open.

        `calls` says how tiers behind servers are asked; a paid one answers nothing without it.

        Raises:
            ArtefactError: the folder or a tier's folder is damaged.
        """
        settings = artefact.unseal(folder).settings
        try:
            tiers = tuple(
                Tier(model=tier["model"], threshold=tier["threshold"]) for tier in settings["tiers"]
            )
            cascade = Cascade(name=settings["name"], tiers=tiers)
            rule = trust.RULES[settings["trust"]]
            places = {name: _within(folder, place) for name, place in settings["folders"].items()}
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactError(f"{folder}: the cascade's settings are damaged: {error!r}") from error
        models = {name: registry.load(place, calls=calls) for name, place in places.items()}
        return cls(cascade, models, rule=rule)

    @property
    def name(self) -> str:
        """Returns the cascade's name."""
        return self._cascade.name

    @property
    def simulated(self) -> bool:
        """Says whether any tier's answers are made up."""
        return any(model.simulated for model in self._models.values())

    @property
    def rungs(self) -> tuple[tuple[Tier, Model | None], ...]:
        """Returns the tiers in order, each with its model; None for a reference that is not here."""
        return tuple((tier, self._models.get(tier.model)) for tier in self._cascade.tiers)

    def trust_in(self, answer: Answer, request: Request) -> float:
        """Returns the score in [0, 1] that is held against a tier's threshold."""
        return self._rule(answer, request)

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns one answer per request: the first tier's that is trusted enough.

        Latency and usage count every tier that was tried; `tier` names the one that answered.

        Raises:
            ModelError: the last tier could not answer at all.
            BudgetExceeded: a paid tier may not be asked, or not on; what its answers cost is not lost
                where it was loaded with `calls`.
        """
        answers: list[Answer | None] = [None] * len(requests)
        trails = [_Trail() for _ in requests]
        open_ = list(range(len(requests)))
        for tier in self._cascade.tiers:
            if not open_:
                break
            batch = [requests[index] for index in open_]
            passed_up = []
            for index, answer in zip(open_, await self._ask(tier, batch), strict=True):
                if tier.threshold is None or self._is_trusted(tier.threshold, answer, requests[index]):
                    # What failed at the last tier stays an error of the answer, not a note.
                    trails[index].add(replace(answer, error=None))
                    answers[index] = trails[index].onto(answer)
                else:
                    trails[index].add(answer)
                    passed_up.append(index)
            open_ = passed_up
        return [answer for answer in answers if answer is not None]

    async def close(self) -> None:
        """Closes every tier."""
        for model in self._models.values():
            await model.close()

    def _is_trusted(self, threshold: float, answer: Answer, request: Request) -> bool:
        return answer.text is not None and self._rule(answer, request) >= threshold

    async def _ask(self, tier: Tier, batch: Sequence[Request]) -> list[Answer]:
        model = self._models.get(tier.model)
        if model is None:
            nobody = Answer(text=None, tier=tier.model, escalated=True, latency_ms=0.0, usage=_NOTHING_USED)
            return [nobody] * len(batch)
        try:
            answers = await model.answer(batch)
        except ModelError as error:
            if tier.threshold is None:
                raise
            return [Answer(text=None, tier=tier.model, error=error.message)] * len(batch)
        return [replace(answer, tier=answer.tier or tier.model) for answer in answers]


def seal(
    cascade: Cascade, folders: Mapping[str, Path], *, out: Path, rule: str = trust.DEFAULT
) -> artefact.Artefact:
    """Returns the artefact of a cascade, written into the empty folder `out`.

    `folders` holds the artefact of every tier but the reference, by its name in the cascade; they
    are copied, so that `out` is all that must be shipped.

    Raises:
        ArtefactError: a tier has no folder or a damaged one, or the rule is unknown.
    """
    if rule not in trust.RULES:
        raise ArtefactError(f"unknown trust rule {rule!r}; known are {', '.join(sorted(trust.RULES))}")
    places = {}
    for position, tier in enumerate(cascade.tiers):
        if tier.model == REFERENCE:
            continue
        if tier.model not in folders:
            raise ArtefactError(f"cascade {cascade.name!r} lacks the folder of its tier {tier.model!r}")
        artefact.unseal(folders[tier.model])
        places[tier.model] = f"tiers/{position}"  # a name may hold signs a file system does not
        shutil.copytree(folders[tier.model], out / places[tier.model])
    settings = {
        "name": cascade.name,
        "tiers": [{"model": tier.model, "threshold": tier.threshold} for tier in cascade.tiers],
        "trust": rule,
        "folders": places,
    }
    return artefact.seal(out, kind="cascade", settings=settings)


def _within(folder: Path, place: str) -> Path:
    """Returns a tier's folder; one outside the cascade's is not covered by its hashes."""
    inner = (folder / place).resolve()
    if not inner.is_relative_to(folder.resolve()):
        raise ValueError(f"the tier {place!r} lies outside the cascade's folder")
    return folder / place


def _sum(left: _Number | None, right: _Number | None) -> _Number | None:
    return None if left is None or right is None else left + right
