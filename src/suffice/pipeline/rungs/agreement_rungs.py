"""Rungs made of rungs: several candidates asked alike, trusted where they agree."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from suffice import fingerprint
from suffice.candidate import Candidate, Ladder
from suffice.certify.graded import Grade
from suffice.certify.resources import Resources
from suffice.errors import SpecError
from suffice.measure.quality import requests_of
from suffice.measurement import Measurement, not_measured
from suffice.models import agreement
from suffice.models.agreement import AgreementModel
from suffice.pipeline.rungs.open_rungs import Workbench
from suffice.pipeline.rungs.rung import Rung
from suffice.ports import Answer
from suffice.task import Split


def split_agreements(ladder: Ladder) -> tuple[Ladder, tuple[Candidate, ...]]:
    """Returns the ladder's plain candidates, and those that are agreements of others."""
    agreements = tuple(c for c in ladder.candidates if c.kind == agreement.KIND)
    return Ladder(candidates=tuple(c for c in ladder.candidates if c not in agreements)), agreements


def agreement_rungs(
    candidates: Sequence[Candidate],
    rungs: Sequence[Rung],
    bench: Workbench,
    *,
    grade: Grade,
    form: Mapping[str, Any],
) -> list[Rung]:
    """Returns a rung for each agreement; how far each size of agreement is trusted is learnt on dev.

    Raises:
        SpecError: a member is no other candidate of the ladder.
    """
    by_name = {rung.name: rung for rung in rungs}
    found = []
    for candidate in candidates:
        names = members_of(candidate)
        if missing := [name for name in names if name not in by_name]:
            known = ", ".join(sorted(by_name)) or "none"
            raise SpecError(
                f"ladder: {candidate.name!r} has the member {missing[0]!r}, which is no plain candidate",
                hint=f"members here: {known}",
            )
        if paid := [name for name in names if by_name[name].candidate.kind == "openai"]:
            raise SpecError(
                f"ladder: the member {paid[0]!r} of {candidate.name!r} is asked over HTTP",
                hint="members are local or recorded models in this version; record its answers first",
            )
        found.append(_rung(candidate, [by_name[name] for name in names], bench, grade=grade, form=form))
    return found


def members_of(candidate: Candidate) -> tuple[str, ...]:
    """Returns the names of an agreement's members."""
    return tuple(str(candidate.setting("members", "")).split("\n"))


def _rung(
    candidate: Candidate, members: Sequence[Rung], bench: Workbench, *, grade: Grade, form: Mapping[str, Any]
) -> Rung:
    dev = [sample for sample in bench.rows.splits[Split.DEV] if sample.target is not None]
    asking = AgreementModel([rung.model for rung in members], name=candidate.name, form=form, shares=None)
    answers = bench.runner.run(asking.answer(requests_of(dev)))
    worth = grade([sample.target for sample in dev], [answer.text for answer in answers])
    shares = _shares(answers, worth.tolist(), len(members))
    identity = fingerprint.of_value(
        (agreement.KIND, candidate, [rung.fingerprint for rung in members], form, shares)
    )
    folder = bench.store.artefact(identity)
    if folder is None:
        making = bench.store.workplace(identity)
        agreement.seal(
            [rung.folder for rung in members], out=making, name=candidate.name, form=form, shares=shares
        )
        folder = bench.store.keep_artefact(identity, making)
    model = AgreementModel([rung.model for rung in members], name=candidate.name, form=form, shares=shares)
    resources = _together([rung.resources for rung in members])
    return Rung(
        candidate=candidate,
        model=model,
        fingerprint=fingerprint.of_value(fingerprint.of_folder(folder)),
        folder=folder,
        resources=resources,
        measurements=_measurements(resources, len(dev)),
    )


def _shares(answers: Sequence[Answer], worth: Sequence[float], members: int) -> tuple[float, ...]:
    """Returns the mean worth on dev by the number that agree, 1 to `members`, smoothed and never falling.

    (sum + 1) / (n + 2), Laplace's rule; that more agreement is never trusted less is what agreement is for.
    """
    totals: Counter[int] = Counter()
    sums: dict[int, float] = {}
    for answer, value in zip(answers, worth, strict=True):
        size = int(answer.notes[0].split()[0]) if answer.text is not None else 0
        totals[size] += 1
        sums[size] = sums.get(size, 0.0) + value
    shares: list[float] = []
    for size in range(1, members + 1):
        share = (sums.get(size, 0.0) + 1) / (totals[size] + 2)
        shares.append(max([share, *shares[-1:]]))
    return tuple(shares)


def _together(parts: Sequence[Resources]) -> Resources:
    """Returns the sum of what the members take; None where a member's share is not known."""
    sums = {}
    for field in fields(Resources):
        values = [getattr(part, field.name) for part in parts]
        sums[field.name] = None if any(value is None for value in values) else sum(values)
    return Resources(**sums)


_UNITS = {
    "cost_usd_per_1k": "usd_per_1k",
    "latency_p50_ms": "ms",
    "latency_p95_ms": "ms",
    "memory_bytes": "bytes",
    "energy_j": "j",
    "bytes": "bytes",
}


def _measurements(resources: Resources, n: int) -> tuple[Measurement, ...]:
    return tuple(
        Measurement(quantity=name, value=value, unit=unit, n=max(n, 1), split="sum of its members")
        if (value := getattr(resources, name)) is not None
        else not_measured(name, unit, why="a member's was not measured")
        for name, unit in _UNITS.items()
    )
