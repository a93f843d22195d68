"""Rows of the tables from frozen data, and back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import RowMapping

from suffice.ports import Usage
from suffice.serve import steps
from suffice.serve.event import Event
from suffice.serve.reply import Place

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Columns of `events` in the order of `of_event`'s values.
EVENT_COLUMNS = (
    *("id", "at_us", "key_id", "route", "operation", "requested_model", "status", "error", "tier", "place"),
    *("model", "steps", "escalated", "data_classes", "local_only", "left_machine", "masked", "certificate"),
    *("input_tokens", "output_tokens", "cost_usd", "reference_usd", "latency_ms", "first_token_ms"),
    *("streamed", "ticket", "request_sha256", "response_sha256", "request_text", "response_text"),
    *("run", "seq"),
)


def microseconds(at: datetime) -> int:
    """Returns microseconds since 1970 in UTC, exactly."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(at_us: int) -> datetime:
    """Returns the time, in UTC, of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=at_us)


def maybe_microseconds(at: datetime | None) -> int | None:
    """Returns microseconds since 1970, None for None."""
    return None if at is None else microseconds(at)


def maybe_moment(at_us: int | None) -> datetime | None:
    """Returns the time of microseconds since 1970, None for None."""
    return None if at_us is None else moment(at_us)


def storable(text: str) -> str:
    """Returns a text that every database takes: NUL and lone surrogates become the sign U+FFFD."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    if text.isascii():  # known of every text, so that nothing has to be encoded
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _maybe(text: str | None) -> str | None:
    return None if text is None else storable(text)


def of_event(event: Event, run: str | None, seq: int | None) -> tuple[Any, ...]:
    """Returns the values of an event's row, in the order of `EVENT_COLUMNS`."""
    usage = event.usage
    return (
        storable(event.id), microseconds(event.at), event.key_id, event.route, event.operation,
        storable(event.requested_model), event.status, event.error, event.tier,
        None if event.place is None else str(event.place),
        storable(event.model), steps.encoded(event).decode(), event.escalated,
        orjson.dumps(sorted(event.data_classes)).decode() if event.data_classes else "[]",
        event.local_only, event.left_machine, event.masked, event.certificate,
        usage.input_tokens, usage.output_tokens, event.cost_usd, event.reference_usd,
        event.latency_ms, event.first_token_ms, event.streamed, event.ticket,
        event.request_sha256, event.response_sha256, _maybe(event.request_text), _maybe(event.response_text),
        run, seq,
    )  # fmt: skip


def to_event(row: RowMapping) -> Event:
    """Returns the event of a row."""
    fields = {name: row[name] for name in EVENT_COLUMNS if name not in _REBUILT}
    return Event(
        at=moment(row["at_us"]),
        place=None if row["place"] is None else Place(row["place"]),
        steps=steps.from_json(row["steps"]),
        data_classes=frozenset(orjson.loads(row["data_classes"])),
        usage=Usage(input_tokens=row["input_tokens"], output_tokens=row["output_tokens"]),
        **fields,
    )


_REBUILT = {"at_us", "place", "steps", "data_classes", "input_tokens", "output_tokens", "run", "seq"}
