"""From rows to samples: equal inputs are one sample, too many are sampled by content hash."""

import heapq
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from suffice import fingerprint
from suffice.errors import DataError
from suffice.readers.columns import Columns, missing_column
from suffice.readers.rows import Row, Tally
from suffice.readers.values import answer_value, canonical, input_text, latency, scalar_text
from suffice.task import JsonValue, Kind, Message, Sample

# Texts of more characters than this together are sampled as well, so that few huge rows cannot fill memory.
MOST_CHARACTERS = 400_000_000
_LOOK_FOR_INPUT = 1_000  # rows without the input column before it is called missing
_LOOK_FOR_OTHERS = 100_000
_NO_DETAIL = 20  # conflicts whose places are kept


def normalised(text: str) -> str:
    """Returns the text in Unicode NFC, stripped, each run of white space one blank."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def key_of(text: str, messages: tuple[Message, ...] = ()) -> str:
    """Returns the sha256 of the normalised input; of all user and assistant turns where there are several.

    A system prompt does not count: it belongs to the task, and often carries a date.
    """
    turns = [turn for turn in messages if turn.role in {"user", "assistant", "tool"}]
    if len(turns) <= 1:
        return fingerprint.of_text(normalised(text))
    return fingerprint.of_text("\x1e".join(f"{turn.role}\x1f{normalised(turn.content)}" for turn in turns))


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """Samples in order of their keys, and what merging and sampling did."""

    samples: tuple[Sample, ...]
    rows: int  # with an input
    names: tuple[str, ...] = ()  # all fields met in the first rows
    distinct_dropped: bool = False
    repeated: int = 0  # inputs that stand on more than one row
    labelled_twice: int = 0  # inputs with two labels or more
    conflicts: int = 0  # of these: the first two labels differ
    disputed: int = 0  # inputs with any two labels that differ
    conflicting: tuple[str, ...] = ()  # places of conflicting rows
    undecided: int = 0  # conflicts without a majority; their truth is dropped
    characters: int = 0


def sample_of(row: Row, columns: Columns, kind: Kind, tally: Tally) -> Sample | None:
    """Returns one row's sample, or None where it has no input.

    Raises:
        DataError: a field holds what cannot be used; names the line.
    """
    text = input_text(row, columns.input, tally)
    if text is None:
        return None
    target = answer_value(row, columns.target, kind, tally)
    recorded = {
        name: answer_value(row, column, kind, tally)
        for name, column in columns.recorded.items()
        if row.fields.get(column) is not None
    }
    mark = scalar_text(row.fields.get(columns.id)) if columns.id else None
    return Sample(
        key=key_of(text, row.messages),
        text=text,
        messages=row.messages,
        target=None if target == "" else target,
        reference=answer_value(row, columns.reference, kind, tally),
        reference_latency_ms=latency(row, columns.latency_ms, tally),
        group=(scalar_text(row.fields.get(columns.group)) or "") if columns.group else "",
        source=f"{row.place} ({mark})" if mark else row.place,
        recorded=recorded,
    )


def gather(rows: Iterable[Row], columns: Columns, *, kind: Kind, max_rows: int, tally: Tally) -> Gathered:
    """Returns the distinct samples of a stream of rows, at most `max_rows` of them.

    Above that, those with the smallest content hashes stay: the same whatever the order of the rows, and
    a random draw with respect to everything but the input. Memory is bounded by `max_rows` and
    by MOST_CHARACTERS. Equal inputs become one sample: the truth most rows give, or none on a tie; the
    reference's most frequent answer, the first of equals.

    Raises:
        DataError: a named column is missing, or no row has an input.
    """
    heap = _SmallestKeys(max_rows)
    presence = _Presence(columns)
    count = 0
    file = ""
    for row in rows:
        file = row.file
        if presence.pending:
            presence.look(row)
        sample = sample_of(row, columns, kind, tally)
        if sample is not None:
            count += 1
            heap.add(sample)
    presence.finish(file)
    if not count:
        raise DataError(
            f"{file}: no row has a text in {columns.input!r}", hint="check `input:` in the task file"
        )
    return _merged(heap, count, tuple(sorted(presence.names)))


@dataclass(slots=True)
class _Same:
    """All rows of one input."""

    first: Sample
    more: list[Sample] = field(default_factory=list)


class _SmallestKeys:
    """Keeps the samples with the smallest keys; a key that fell out can never come back."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[int, str]] = []
        self.kept: dict[str, _Same] = {}
        self.characters = 0
        self.limit: str | None = None

    def add(self, sample: Sample) -> None:
        if self.limit is not None and sample.key >= self.limit:
            return
        known = self.kept.get(sample.key)
        if known is not None:
            known.more.append(sample)
            return
        self.kept[sample.key] = _Same(sample)
        self.characters += len(sample.text)
        heapq.heappush(self._heap, (-int(sample.key, 16), sample.key))
        while len(self.kept) > self._most or self.characters > MOST_CHARACTERS:
            _, largest = heapq.heappop(self._heap)
            self.characters -= len(self.kept.pop(largest).first.text)
            self.limit = largest


class _Presence:
    """Watches whether every named column is there."""

    def __init__(self, columns: Columns) -> None:
        self.pending: dict[str, str] = {columns.input: "input"}
        for role, name in (
            ("target", columns.target),
            ("reference", columns.reference),
            ("group", columns.group),
            ("id", columns.id),
            ("latency_ms", columns.latency_ms),
        ):
            if name:
                self.pending.setdefault(name, role)
        for name in columns.recorded.values():
            self.pending.setdefault(name, "answers")
        self.names: set[str] = set()
        self._rows = 0

    def look(self, row: Row) -> None:
        self._rows += 1
        if self._rows <= _LOOK_FOR_INPUT:
            self.names.update(row.fields)
        self.pending = {name: role for name, role in self.pending.items() if name not in row.fields}
        if self._rows == _LOOK_FOR_INPUT and "input" in self.pending.values():
            self.finish(row.file)
        if self._rows == _LOOK_FOR_OTHERS:
            self.finish(row.file)

    def finish(self, file: str) -> None:
        for name, role in self.pending.items():
            raise missing_column(name, self.names, file=file, role=role)


def _merged(heap: _SmallestKeys, rows: int, names: tuple[str, ...]) -> Gathered:
    samples: list[Sample] = []
    repeated = twice = conflicts = disputed = undecided = 0
    places: list[str] = []
    for key in sorted(heap.kept):
        same = heap.kept[key]
        everyone = [same.first, *same.more]
        repeated += bool(same.more)
        labelled = [sample for sample in everyone if sample.target is not None]
        target = _most_frequent([sample.target for sample in labelled])
        if len(labelled) > 1:
            twice += 1
            conflicts += canonical(labelled[0].target) != canonical(labelled[1].target)
        if len({canonical(sample.target) for sample in labelled}) > 1:
            disputed += 1
            undecided += target is None
            if len(places) < _NO_DETAIL:
                places.append(" and ".join(sample.source for sample in labelled[:2]))
        samples.append(_one(everyone, target))
    return Gathered(
        samples=tuple(samples),
        rows=rows,
        names=names,
        distinct_dropped=heap.limit is not None,
        repeated=repeated,
        labelled_twice=twice,
        conflicts=conflicts,
        disputed=disputed,
        conflicting=tuple(places),
        undecided=undecided,
        characters=heap.characters,
    )


def _one(everyone: list[Sample], target: JsonValue) -> Sample:
    first = everyone[0]
    if len(everyone) == 1:
        return first
    answers = [sample.reference for sample in everyone if sample.reference is not None]
    reference = _most_frequent(answers)
    recorded: dict[str, JsonValue] = {}
    for sample in everyone:
        recorded = {**sample.recorded, **recorded}
    latencies = [s.reference_latency_ms for s in everyone if s.reference_latency_ms is not None]
    return Sample(
        key=first.key,
        text=first.text,
        messages=first.messages,
        target=target,
        reference=answers[0] if reference is None and answers else reference,
        reference_latency_ms=latencies[0] if latencies else None,
        group=next((sample.group for sample in everyone if sample.group), ""),
        source=first.source,
        recorded=recorded,
    )


def _most_frequent(values: Sequence[JsonValue]) -> JsonValue:
    """The value that most give; None where two are equally frequent."""
    counts: dict[str, int] = {}
    for value in values:
        counts[canonical(value)] = counts.get(canonical(value), 0) + 1
    most = max(counts.values(), default=0)
    winners = [name for name, count in counts.items() if count == most]
    if len(winners) != 1:
        return None
    return next(value for value in values if canonical(value) == winners[0])
