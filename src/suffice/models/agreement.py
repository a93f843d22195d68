"""Several models asked alike: the answer most of them give, trusted by how many give it."""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from suffice import forms
from suffice.errors import ArtefactError
from suffice.models import artefact, registry
from suffice.ports import Answer, Model, Request, Usage

if TYPE_CHECKING:
    from suffice.models.remembered import Calls

KIND = "agreement"


class AgreementModel:
    """Asks every member; the answer is that of the largest group of members who say the same.

    Of equal groups the one with the earliest member wins, and its earliest member's words are given.
    `shares` holds the probability of being right by the size of the group, from 1 to the number of members,
    as dev shows it. "The same" is what the task's metric calls so (`forms.form_of`): label, object, number.
    """

    def __init__(
        self, members: Sequence[Model], *, name: str, form: Mapping[str, Any], shares: Sequence[float] | None
    ) -> None:
        self._members = tuple(members)
        self._name = name
        self._form = forms.form_of(form)
        self._shares = None if shares is None else tuple(shares)

    @classmethod
    def load(cls, folder: Path, *, calls: "Calls | None" = None) -> Self:
        """Returns the model in a folder with its members; `calls` says how members behind servers are asked.

        Raises:
            ArtefactError: the folder or a member's folder is damaged.
        """
        settings = artefact.unseal(folder).settings
        try:
            shares = [float(share) for share in settings["shares"]]
            count, form, name = int(settings["members"]), settings["form"], str(settings["name"])
            is_sound = len(shares) == count and all(0.0 <= share <= 1.0 for share in shares)
            members = [registry.load(folder / f"member-{number}", calls=calls) for number in range(count)]
            if is_sound:
                return cls(members, name=name, form=form, shares=shares)
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactError(f"{folder}: the settings are damaged: {error!r}") from error
        raise ArtefactError(f"{folder}: the settings are damaged: {shares} for {count} members")

    @property
    def name(self) -> str:
        """Returns the name under which it is measured and served."""
        return self._name

    @property
    def simulated(self) -> bool:
        """Says whether any member's answers are made up."""
        return any(member.simulated for member in self._members)

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns one answer per request; latency and usage count all members, asked one after the other.

        Raises:
            ModelError: a member could not answer at all.
        """
        if not requests:
            return []
        given = [await member.answer(requests) for member in self._members]
        return [self._agreed(answers) for answers in zip(*given, strict=True)]

    async def close(self) -> None:
        """Closes every member."""
        await asyncio.gather(*(member.close() for member in self._members))

    def groups(self, answers: Sequence[Answer]) -> list[list[Answer]]:
        """Returns the members' answers in groups of the same, the largest first, missing answers left out."""
        found: dict[str, list[Answer]] = {}
        for number, answer in enumerate(answers):
            if answer.text is not None:
                form = self._form(answer.text)
                # An answer without form agrees with nothing.
                found.setdefault(f"none {number}" if form is None else f"form {form}", []).append(answer)
        return sorted(found.values(), key=len, reverse=True)

    def _agreed(self, answers: Sequence[Answer]) -> Answer:
        groups = self.groups(answers)
        latency_ms = _sum([answer.latency_ms for answer in answers])
        usage = Usage(
            input_tokens=_sum([answer.usage.input_tokens for answer in answers]),
            output_tokens=_sum([answer.usage.output_tokens for answer in answers]),
        )
        if not groups:
            why = "; ".join(answer.error or ", ".join(answer.notes) or "no answer" for answer in answers)
            return Answer(text=None, error=why, latency_ms=latency_ms, usage=usage, tier=self._name)
        size = len(groups[0])
        confidence = None if self._shares is None else self._shares[size - 1]
        note = f"{size} of {len(answers)} agree"
        return Answer(
            text=groups[0][0].text,
            confidence=confidence,
            latency_ms=latency_ms,
            usage=usage,
            tier=self._name,
            notes=(note,),
        )


def seal(
    folders: Sequence[Path], *, out: Path, name: str, form: Mapping[str, Any], shares: Sequence[float]
) -> artefact.Artefact:
    """Returns the artefact of an agreement of the models in `folders`, copied into the empty folder `out`.

    Raises:
        ArtefactError: a member's folder is damaged.
    """
    for number, folder in enumerate(folders):
        artefact.unseal(folder)
        shutil.copytree(folder, out / f"member-{number}")
    settings = {"name": name, "members": len(folders), "form": dict(form), "shares": list(shares)}
    return artefact.seal(out, kind=KIND, settings=settings)


def _sum(values: Sequence[float | None]) -> Any:
    """Returns the sum, None where a part is not known."""
    return (
        None
        if any(value is None for value in values)
        else sum(value for value in values if value is not None)
    )
