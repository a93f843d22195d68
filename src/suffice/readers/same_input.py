"""All rows of one input, folded into one sample as they come: memory does not grow with the repeats."""

from dataclasses import dataclass, field, replace

from suffice.readers.values import canonical
from suffice.task import JsonValue, Sample

_MOST_ANSWERS = 50  # different answers remembered for one input; later new ones are not


@dataclass(slots=True)
class _Count:
    value: JsonValue
    place: str  # of the first row that gave it
    rows: int = 1


@dataclass(slots=True)
class SameInput:
    """The first row of an input, and a count of every answer its rows gave."""

    first: Sample
    repeated: bool = False
    first_labels: list[str] = field(default_factory=list)  # of the first two labelled rows
    _targets: dict[str, _Count] = field(default_factory=dict)
    _references: dict[str, _Count] = field(default_factory=dict)

    @classmethod
    def of(cls, sample: Sample) -> "SameInput":
        """Returns the fold of one row."""
        same = cls(sample)
        same._count(sample)
        return same

    def add(self, sample: Sample) -> None:
        """Folds one more row of the same input in."""
        self.repeated = True
        self._count(sample)
        first = self.first
        latency_ms = first.reference_latency_ms
        judge = sample.judge if first.judge is None else first.judge
        is_known = sample.group == first.group and latency_ms is not None and judge == first.judge
        if is_known and sample.recorded == first.recorded:
            return
        self.first = replace(
            first,
            group=first.group or sample.group,
            judge=judge,
            reference_latency_ms=sample.reference_latency_ms if latency_ms is None else latency_ms,
            recorded={**sample.recorded, **first.recorded},
        )

    @property
    def disputed(self) -> str:
        """Returns the places of two rows whose labels differ, or "" where none do."""
        places = [count.place for count in self._targets.values()]
        return " and ".join(places[:2]) if len(places) > 1 else ""

    def sample(self) -> Sample:
        """Returns the one sample: the truth most rows give, none on a tie; the most usual answer."""
        if not self.repeated:
            return self.first
        winners = _most_frequent(self._targets)
        answers = _most_frequent(self._references)
        return replace(
            self.first,
            target=winners[0] if len(winners) == 1 else None,
            reference=answers[0] if answers else None,
        )

    def _count(self, sample: Sample) -> None:
        if sample.target is not None:
            label = canonical(sample.target)
            _add(self._targets, label, sample.target, sample.source)
            if len(self.first_labels) < 2:
                self.first_labels.append(label)
        if sample.reference is not None:
            _add(self._references, canonical(sample.reference), sample.reference, sample.source)


def _add(counts: dict[str, _Count], name: str, value: JsonValue, place: str) -> None:
    if name in counts:
        counts[name].rows += 1
    elif len(counts) < _MOST_ANSWERS:
        counts[name] = _Count(value, place)


def _most_frequent(counts: dict[str, _Count]) -> list[JsonValue]:
    most = max((count.rows for count in counts.values()), default=0)
    return [count.value for count in counts.values() if count.rows == most]
