"""Sums over events by minute and by half hour, kept beside them: pages and budgets read these."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

import orjson
import sqlalchemy as sa

from suffice.serve.errors import CLIENT_LEFT
from suffice.serve.event import Event
from suffice.serve.store.records import Span
from suffice.serve.store.rows import microseconds, to_event
from suffice.serve.store.schema import events as _events
from suffice.serve.store.schema import marks as _marks
from suffice.serve.store.schema import rollups as _rollups

# Stretches of time in seconds: pages ask for whole multiples of one of them.
MINUTE_S, HALF_HOUR_S = 60, 1800
EVERYBODY = "*"
# Latencies are counted in classes: each ends 2% above where it begins, its middle is within 1% of all in it.
_SHORTEST_MS, _LONGEST_MS, _GROWTH = 0.01, 1e9, 1.02
_PER_LOG = 1 / math.log(_GROWTH)
_FILLED = "rollups"  # the mark: events up to this number were kept before there were sums
_FILL_ROWS = 5000


@dataclass(slots=True)
class Part:
    """Sums over some events; `counted` are those that count against budgets, `latencies` by class."""

    calls: int = 0
    failed: int = 0
    reached: int = 0
    escalated: int = 0
    cost_usd: float = 0.0
    cost_n: int = 0
    reference_usd: float = 0.0
    reference_n: int = 0
    saved_usd: float = 0.0
    compared_n: int = 0
    input_tokens: float = 0.0
    output_tokens: float = 0.0
    tokens_n: int = 0
    counted: int = 0
    counted_tokens: float = 0.0
    counted_usd: float = 0.0
    latencies: dict[int, int] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        """Counts one event."""
        cost, reference, usage = event.cost_usd, event.reference_usd, event.usage
        tokens_in, tokens_out = usage.input_tokens, usage.output_tokens
        self.calls += 1
        if event.steps:
            self.reached += 1
            self.escalated += event.escalated
        if event.status >= 400 or event.error:
            self.failed += 1
        elif event.tier:
            place = class_of(event.latency_ms)
            self.latencies[place] = self.latencies.get(place, 0) + 1
        if cost is not None:
            self.cost_usd += cost
            self.cost_n += 1
        if reference is not None:
            self.reference_usd += reference
            self.reference_n += 1
            if cost is not None:
                self.saved_usd += reference - cost
                self.compared_n += 1
        if tokens_in is not None:
            self.input_tokens += tokens_in
            self.tokens_n += 1
        if tokens_out is not None:
            self.output_tokens += tokens_out
        has_left = event.status == CLIENT_LEFT and event.route  # it was let in, and given up
        if has_left or not 400 <= event.status < 500:
            self.counted += 1
            self.counted_tokens += (tokens_in or 0) + (tokens_out or 0)
            self.counted_usd += cost or 0.0

    def merge(self, other: "Part") -> None:
        """Counts what another has counted too."""
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for place, count in other.latencies.items():
            self.latencies[place] = self.latencies.get(place, 0) + count


SUMS = tuple(each.name for each in fields(Part) if each.name != "latencies")
_PLACE = ("length_s", "at_us", "whose", "route", "tier")
_Place = tuple[int, int, str, str, str]


def class_of(latency_ms: float) -> int:
    """Returns the class a latency is counted in; 0 for the shortest, and for what is no number."""
    if not latency_ms > _SHORTEST_MS:
        return 0
    return math.ceil(math.log(min(latency_ms, _LONGEST_MS) / _SHORTEST_MS) * _PER_LOG)


def latency_of(place: int) -> float:
    """Returns the middle of a class, in milliseconds: within 1% of every latency in it."""
    return _SHORTEST_MS * 2 * _GROWTH**place / (1 + _GROWTH) if place else _SHORTEST_MS


def owner(key_id: str | None) -> str:
    """Returns under which name a key's sums are kept; None for those of all keys."""
    return EVERYBODY if key_id is None else f"={key_id}"


def keep(connection: sa.Connection, events: Iterable[Event], writer: str) -> None:
    """Adds events that were just written to the sums of `writer`, whom no other process shares."""
    found: dict[_Place, Part] = {}
    for place, part in _by_minute(events).items():
        minute, key_id, route, tier = place
        for length_s in (MINUTE_S, HALF_HOUR_S):
            at_us = minute * MINUTE_S // length_s * length_s * 1_000_000
            for whose in (EVERYBODY, owner(key_id)):
                found.setdefault((length_s, at_us, whose, route, tier), Part()).merge(part)
    for length_s, at_us in {place[:2] for place in found}:
        for row in connection.exec_driver_sql(_known(connection), (length_s, at_us, writer)):
            known = found.get((length_s, at_us, *row[:3]))
            if known is not None:
                known.merge(_part(row[3:]))
    rows = [
        (*place, writer, *(getattr(part, name) for name in SUMS), _latencies(part))
        for place, part in found.items()
    ]
    if rows:
        connection.exec_driver_sql(_insertion(connection), rows)


def fill(engine: sa.Engine, *, rows: int = _FILL_ROWS) -> None:
    """Adds the events that were kept before there were sums, newest first, some thousands a transaction."""
    c = _events.c
    is_left = True
    while is_left:
        with engine.begin() as connection:
            is_mark = _marks.c.log == _FILLED
            last = connection.scalar(sa.select(_marks.c.seq).where(is_mark).with_for_update())
            query = sa.select(_events).where(c.number <= (last or 0)).order_by(c.number.desc())
            found = connection.execute(query.limit(rows)).mappings().all()
            keep(connection, map(to_event, found), _FILLED)
            is_left = bool(found)
            if found:
                connection.execute(sa.update(_marks).where(is_mark).values(seq=found[-1]["number"] - 1))
            elif last is not None:
                connection.execute(sa.delete(_marks).where(is_mark))


def within(span: Span, length_s: int = HALF_HOUR_S) -> tuple[int, list[sa.ColumnElement[bool]]]:
    """Returns the longest stretch of which a span, and `length_s`, are whole multiples, and its condition.

    A span that is no whole number of minutes is taken to begin and to end a little farther out.
    """
    ends = [microseconds(end) for end in (span.since, span.until) if end is not None]
    is_whole = all(end % (HALF_HOUR_S * 1_000_000) == 0 for end in ends) and length_s % HALF_HOUR_S == 0
    length_s = HALF_HOUR_S if is_whole else MINUTE_S
    c = _rollups.c
    conditions = [c.length_s == length_s]
    if span.since is not None:
        first_us = microseconds(span.since)
        conditions.append(c.at_us >= first_us - first_us % (length_s * 1_000_000))
    if span.until is not None:
        conditions.append(c.at_us < microseconds(span.until))
    return length_s, conditions


def merged(texts: Iterable[str]) -> dict[int, int]:
    """Returns how many calls were in each class, from kept ones."""
    found: dict[int, int] = {}
    for text in texts:
        for place, count in orjson.loads(text):
            found[place] = found.get(place, 0) + count
    return found


def _by_minute(events: Iterable[Event]) -> dict[tuple[int, str, str, str], Part]:
    parts: dict[tuple[int, str, str, str], Part] = {}
    for event in events:
        place = (microseconds(event.at) // 60_000_000, event.key_id, event.route, event.tier)
        part = parts.get(place)
        if part is None:
            part = parts[place] = Part()
        part.add(event)
    return parts


def _latencies(part: Part) -> str:
    return orjson.dumps(sorted(part.latencies.items())).decode()


def _part(values: Sequence[Any]) -> Part:
    """Returns a row's sums; a value that was no number counts 0."""
    *sums, latencies = values
    part = Part(*(value or 0 for value in sums))  # type: ignore[arg-type] # latencies come last
    part.latencies = dict(orjson.loads(latencies))
    return part


@cache
def _statements(paramstyle: str) -> tuple[str, str]:
    sign = "%s" if paramstyle in {"format", "pyformat"} else "?"
    values = (*SUMS, "latencies")
    known = (
        f"SELECT whose, route, tier, {', '.join(values)} FROM rollups"  # noqa: S608 - names and signs
        f" WHERE length_s = {sign} AND at_us = {sign} AND writer = {sign}"
    )
    columns = (*_PLACE, "writer", *values)
    insertion = (
        f"INSERT INTO rollups ({', '.join(columns)}) VALUES ({', '.join([sign] * len(columns))})"  # noqa: S608
        f" ON CONFLICT ({', '.join((*_PLACE, 'writer'))}) DO UPDATE SET "
        + ", ".join(f"{name} = excluded.{name}" for name in values)
    )
    return known, insertion


def _known(connection: sa.Connection) -> str:
    return _statements(connection.dialect.paramstyle)[0]


def _insertion(connection: sa.Connection) -> str:
    return _statements(connection.dialect.paramstyle)[1]
