"""Sums over events by stretches of time, kept beside them: pages and budgets read these."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from operator import attrgetter
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
_LENGTHS_S = (MINUTE_S, HALF_HOUR_S, 10_800)
# Minutes are for short windows: they are dropped after two days.
_MINUTES_KEPT_US = 2 * 86_400 * 1_000_000
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
            number = class_of(event.latency_ms)
            self.latencies[number] = self.latencies.get(number, 0) + 1
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
            # With what was given up unread: nowhere else do other gateways, and the next start, see it.
            self.counted_tokens += (tokens_in or 0) + (tokens_out or 0) + event.budget_tokens
            self.counted_usd += (cost or 0.0) + event.budget_usd

    def merge(self, other: "Part") -> None:
        """Counts what another has counted too."""
        for name, value in zip(SUMS, other.sums(), strict=True):
            if value:
                setattr(self, name, getattr(self, name) + value)
        for number, count in other.latencies.items():
            self.latencies[number] = self.latencies.get(number, 0) + count

    def sums(self) -> tuple[float, ...]:
        """Returns every sum, in the order of `SUMS`."""
        found: tuple[float, ...] = _sums_of(self)
        return found


SUMS = tuple(each.name for each in fields(Part) if each.name != "latencies")
_PLACE = ("length_s", "at_us", "whose", "route", "tier")
_sums_of = attrgetter(*SUMS)
_Stretch = tuple[int, int]  # its length, and when it began
_Place = tuple[int, int, str, str, str]


def class_of(latency_ms: float) -> int:
    """Returns the number of a latency's class; 0 for the shortest, and for what is no number."""
    if not latency_ms > _SHORTEST_MS:
        return 0
    return math.ceil(math.log(min(latency_ms, _LONGEST_MS) / _SHORTEST_MS) * _PER_LOG)


def latency_of(number: int) -> float:
    """Returns the middle of a class, in milliseconds: within 1% of every latency in it."""
    return _SHORTEST_MS * 2 * _GROWTH**number / (1 + _GROWTH) if number else _SHORTEST_MS


def owner(key_id: str | None) -> str:
    """Returns under which name a key's sums are kept; None for those of all keys."""
    return EVERYBODY if key_id is None else f"={key_id}"


class Sums:
    """The sums that one opening of a store adds to: no other process writes these rows.

    Those of the stretches of time that came last are held in memory, so that they need not be read again.
    """

    def __init__(self, writer: str) -> None:
        self._writer = writer
        self._held: dict[_Stretch, dict[_Place, Part]] = {}

    def keep(self, connection: sa.Connection, events: Iterable[Event]) -> None:
        """Adds events that were just written; where their transaction fails, `forget` must follow."""
        added = _by_minute(events)
        if not added:
            return
        held, touched = self._held, dict[_Place, Part]()
        self._held = {}
        for (minute, key_id, route, tier), part in added.items():
            for length_s in _LENGTHS_S:
                stretch = (length_s, minute * MINUTE_S // length_s * length_s * 1_000_000)
                if stretch not in self._held:
                    known = held.get(stretch)
                    self._held[stretch] = self._read(connection, stretch) if known is None else known
                parts = self._held[stretch]
                for whose in (EVERYBODY, owner(key_id)):
                    place = (*stretch, whose, route, tier)
                    if place not in parts:
                        parts[place] = Part()
                    parts[place].merge(part)
                    touched[place] = parts[place]
        rows = [
            (*place, self._writer, *part.sums(), orjson.dumps(sorted(part.latencies.items())).decode())
            for place, part in touched.items()
        ]
        connection.exec_driver_sql(_insertion(connection), rows)

    def forget(self) -> None:
        """Forgets what was held: what was added last is not in the database."""
        self._held = {}

    def _read(self, connection: sa.Connection, stretch: _Stretch) -> dict[_Place, Part]:
        rows = connection.exec_driver_sql(_known(connection), (*stretch, self._writer)).all()
        length_s, at_us = stretch
        if not rows and length_s == HALF_HOUR_S:  # once in a while: a new half hour has begun
            _drop_minutes(connection, at_us - _MINUTES_KEPT_US)
        return {(*stretch, row[0], row[1], row[2]): _part(row[3:]) for row in rows}


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
            Sums(_FILLED).keep(connection, map(to_event, found))
            is_left = bool(found)
            if found:
                connection.execute(sa.update(_marks).where(is_mark).values(seq=found[-1]["number"] - 1))
            elif last is not None:
                connection.execute(sa.delete(_marks).where(is_mark))


def within(connection: sa.Connection, span: Span, bucket_s: int = 0) -> list[sa.ColumnElement[bool]]:
    """Returns the condition of the sums that make up a span, told apart by stretches of `bucket_s` (0: not).

    They are the longest that fit; by half hour also where there are no minutes any more. A span that is no
    whole number of these is taken to begin and to end a little farther out.
    """
    c = _rollups.c
    ends_us = [microseconds(end) for end in (span.since, span.until) if end is not None]
    ends_us.append(bucket_s * 1_000_000)
    fitting = [each for each in _LENGTHS_S if all(end == _begin_us(end, each) for end in ends_us)]
    length_s = fitting[-1] if fitting else MINUTE_S
    since_us = 0 if span.since is None else microseconds(span.since)
    if length_s == MINUTE_S and _are_dropped(connection, since_us):
        length_s = HALF_HOUR_S
    conditions = [c.length_s == length_s, c.at_us >= _begin_us(since_us, length_s)]
    if span.until is not None:
        conditions.append(c.at_us < microseconds(span.until))
    return conditions


def _are_dropped(connection: sa.Connection, since_us: int) -> bool:
    """Says whether there are half hours from a time on of which there are no minutes any more."""
    c = _rollups.c
    first = [
        sa.select(sa.func.min(c.at_us))
        .where(c.length_s == length_s, c.at_us >= _begin_us(since_us, HALF_HOUR_S))
        .scalar_subquery()
        for length_s in (HALF_HOUR_S, MINUTE_S)
    ]
    half_hour_us, minute_us = connection.execute(sa.select(*first)).one()
    if half_hour_us is None:
        return False
    return minute_us is None or bool(half_hour_us < _begin_us(minute_us, HALF_HOUR_S))


def _begin_us(at_us: int, length_s: int) -> int:
    """Returns when the stretch of time began in which a time lies."""
    return at_us - at_us % (length_s * 1_000_000)


def _drop_minutes(connection: sa.Connection, before_us: int) -> None:
    c = _rollups.c
    connection.execute(sa.delete(_rollups).where(c.length_s == MINUTE_S, c.at_us < before_us))


def merged(texts: Iterable[str]) -> dict[int, int]:
    """Returns how many calls were in each class, from kept ones."""
    found: dict[int, int] = {}
    for text in texts:
        for number, count in orjson.loads(text):
            found[number] = found.get(number, 0) + count
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
