"""From rows to samples: equal inputs are one sample, too many are sampled by content hash."""

import heapq
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from suffice import fingerprint
from suffice.errors import DataError
from suffice.readers.columns import Columns, missing_column
from suffice.readers.rows import Row, Tally
from suffice.readers.same_input import SameInput
from suffice.readers.values import answer_value, field_text, input_text, latency, object_value
from suffice.task import Kind, Message, Sample

# Texts of more characters than this together are sampled as well, so that few huge rows cannot fill memory.
MOST_CHARACTERS = 400_000_000
_LOOK_FOR_INPUT = 1_000  # rows without the input column before it is called missing
_LOOK_FOR_OTHERS = 100_000
_PLACES = 20  # conflicts whose places are kept


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
    return _sample(row, columns, text=text, key=key_of(text, row.messages), kind=kind, tally=tally)


def _sample(row: Row, columns: Columns, *, text: str, key: str, kind: Kind, tally: Tally) -> Sample:
    target = answer_value(row, columns.target, kind, tally)
    if kind is Kind.EXTRACT:
        target = object_value(row, columns.target, target)
    recorded = {
        name: answer_value(row, column, kind, tally)
        for name, column in columns.recorded.items()
        if row.fields.get(column) is not None
    }
    mark = field_text(row, columns.id)
    return Sample(
        key=key,
        text=text,
        messages=row.messages,
        target=None if target == "" else target,
        reference=answer_value(row, columns.reference, kind, tally),
        judge=answer_value(row, columns.judge, kind, tally),
        reference_latency_ms=latency(row, columns.latency_ms, tally),
        group=field_text(row, columns.group) or "",
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
        text = input_text(row, columns.input, tally)
        if text is None:
            continue
        count += 1
        key = key_of(text, row.messages)
        if heap.limit is None or key < heap.limit:
            heap.add(_sample(row, columns, text=text, key=key, kind=kind, tally=tally))
    presence.finish(file)
    if not count:
        raise DataError(
            f"{file}: no row has a text in {columns.input!r}", hint="check `input:` in the task file"
        )
    return _merged(heap, count)


class _SmallestKeys:
    """Keeps the samples with the smallest keys; a key that fell out can never come back."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[int, str]] = []
        self.kept: dict[str, SameInput] = {}
        self.characters = 0
        self.limit: str | None = None

    def add(self, sample: Sample) -> None:
        known = self.kept.get(sample.key)
        if known is not None:
            known.add(sample)
            return
        self.kept[sample.key] = SameInput.of(sample)
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
            ("judge", columns.judge),
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


def _merged(heap: _SmallestKeys, rows: int) -> Gathered:
    every = [heap.kept[key] for key in sorted(heap.kept)]
    samples = tuple(same.sample() for same in every)
    twice = [same.first_labels for same in every if len(same.first_labels) > 1]
    disputed = [same for same in every if same.disputed]
    return Gathered(
        samples=samples,
        rows=rows,
        distinct_dropped=heap.limit is not None,
        repeated=sum(same.repeated for same in every),
        labelled_twice=len(twice),
        conflicts=sum(one != other for one, other in twice),
        disputed=len(disputed),
        conflicting=tuple(same.disputed for same in disputed[:_PLACES]),
        undecided=sum(same.sample().target is None for same in disputed),
        characters=heap.characters,
    )
