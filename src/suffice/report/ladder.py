"""The ladder and the chosen model's figures as rows of text, the same for page and terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from suffice.bar import Verdict
from suffice.report import numbers, words
from suffice.report.facts import Facts, LatencyFacts, QualityFacts

# A ladder of recorded models has tens of rungs; a longer list of names is cut to this many parts.
_MOST_NAMED = 6


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One model's row; `state` is its verdict's name, "reference" for the model in use now."""

    name: str
    kind: str
    state: str
    verdict: str
    quality: QualityFacts | None
    latency: str
    latency_n: int | None
    memory: str
    size: str
    cost: str
    energy: str
    why: str
    is_chosen: bool


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One figure of the chosen model with what must stand beside it."""

    name: str
    figure: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class BarRow:
    """One limit of the task and whether it is kept; `state` is the verdict's name."""

    name: str
    limit: str
    measured: str
    kept: str
    state: str
    why: str


def rungs(facts: Facts) -> tuple[Rung, ...]:
    """Returns a row for each candidate, in the ladder's order, and one for the reference at the end."""
    chosen = facts.chosen.name if facts.chosen else None
    rows = [
        Rung(
            name=candidate.name,
            kind=candidate.kind,
            state=candidate.verdict.value,
            verdict="Chosen" if candidate.name == chosen else words.VERDICTS[candidate.verdict],
            quality=candidate.quality,
            latency=latency(candidate.latency_ms),
            latency_n=candidate.latency_ms.n if candidate.latency_ms else None,
            memory=numbers.size(candidate.memory_bytes),
            size=numbers.size(candidate.bytes),
            cost=numbers.money(candidate.cost_usd_per_1k),
            energy=numbers.energy(candidate.energy_j),
            why=candidate.why,
            is_chosen=candidate.name == chosen,
        )
        for candidate in facts.candidates
    ]
    reference = facts.reference
    if reference is not None and reference.name not in {row.name for row in rows}:
        rows.append(
            Rung(
                name=reference.name,
                kind=reference.mode,
                state="reference",
                verdict="In use now",
                quality=reference.quality,
                latency=latency(reference.latency_ms),
                latency_n=reference.latency_ms.n if reference.latency_ms else None,
                memory=numbers.NOT_MEASURED,
                size=numbers.NOT_MEASURED,
                cost=numbers.money(reference.cost_usd_per_1k),
                energy=numbers.NOT_MEASURED,
                why="the model the others are held against",
                is_chosen=False,
            )
        )
    return tuple(rows)


def latency(measured: LatencyFacts | None) -> str:
    """Returns "4.2 ms / 5.9 ms" (p50 / p95), each part or the whole "not measured"."""
    if measured is None or (measured.p50 is None and measured.p95 is None):
        return numbers.NOT_MEASURED
    return f"{numbers.duration(measured.p50)} / {numbers.duration(measured.p95)}"


def tiles(facts: Facts) -> tuple[Tile, ...]:
    """Returns the chosen model's figures; () where none was chosen."""
    model = words.by_name(facts, facts.chosen.name if facts.chosen else None)
    if facts.chosen is None or model is None:
        return ()
    why = model.why_unmeasured
    quality, timing = model.quality, model.latency_ms
    less = numbers.times_less(facts.cost.today_usd_per_1k, model.cost_usd_per_1k)
    today = f"today {numbers.money(facts.cost.today_usd_per_1k)}" + (f": {less}" if less else "")
    ends = "" if quality is None else numbers.interval(quality.lower, quality.upper)
    return (
        Tile(
            name="Cost per 1,000 requests",
            figure=numbers.money(model.cost_usd_per_1k),
            detail=today if model.cost_usd_per_1k is not None else why.get("cost_usd_per_1k", ""),
        ),
        Tile(
            name=f"Quality ({words.METRICS.get(facts.task.metric, facts.task.metric)})",
            figure=numbers.share(quality.estimate) if quality else numbers.NOT_MEASURED,
            detail=(
                f"{ends} at {quality.level:.0%}, n {numbers.count(quality.n)}, {quality.split} rows"
                if quality
                else why.get("quality", "")
            ),
        ),
        Tile(
            name="Latency, p95",
            figure=numbers.duration(timing.p95 if timing else None),
            detail=_latency_detail(timing) if timing else why.get("latency_ms", ""),
        ),
        Tile(
            name="Size",
            figure=numbers.size(facts.chosen.bytes),
            detail=_or_why(model.bytes, "on disk", why, "bytes"),
        ),
        Tile(
            name="Memory",
            figure=numbers.size(model.memory_bytes),
            detail=_or_why(model.memory_bytes, "while serving", why, "memory_bytes"),
        ),
        Tile(
            name="Energy per request",
            figure=numbers.energy(model.energy_j),
            detail=_or_why(model.energy_j, "above idle", why, "energy_j"),
        ),
    )


def _latency_detail(timing: LatencyFacts) -> str:
    n = "" if timing.n is None else f", n {numbers.count(timing.n)}"
    return f"p50 {numbers.duration(timing.p50)}{n}"


def _or_why(value: float | None, detail: str, why: Mapping[str, str], name: str) -> str:
    return detail if value is not None else why.get(name, "")


def bar_rows(facts: Facts) -> tuple[BarRow, ...]:
    """Returns a row for each limit of the task."""
    rows = []
    for bar in facts.task.bars:
        name, limit, measured = words.bar_words(bar)
        kept, state = {
            True: ("Yes", Verdict.PASS),
            False: ("No", Verdict.FAIL),
            None: ("Not known", Verdict.INCONCLUSIVE),
        }[bar.is_met]
        rows.append(
            BarRow(name=name, limit=limit, measured=measured, kept=kept, state=state.value, why=bar.why)
        )
    return tuple(rows)


def unmeasured(facts: Facts) -> tuple[str, ...]:
    """Returns each reason for a missing number once, with the quantities and models it holds for."""
    models: list[tuple[str, Mapping[str, str]]] = [(c.name, c.why_unmeasured) for c in facts.candidates]
    if facts.reference is not None:
        models.append((facts.reference.name, facts.reference.why_unmeasured))
    models.append(("the evidence", facts.evidence.why_unmeasured))
    named: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for model, why in models:
        for reason in dict.fromkeys(why.values()):
            quantities = tuple(words.quantity(name) for name in why if why[name] == reason)
            named.setdefault((reason, quantities), []).append(model)
    return tuple(
        f"{', '.join(quantities)} of {_listed(names)}: {reason}"
        for (reason, quantities), names in named.items()
    )


def _listed(names: Sequence[str]) -> str:
    """Returns the names, those of a long ladder cut short."""
    shown = names if len(names) <= _MOST_NAMED else names[: _MOST_NAMED - 1]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
