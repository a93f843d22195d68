"""What the user should know about the data: counted, with examples, never silently mended."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from suffice.readers.rows import Tally


class Severity(StrEnum):
    """How much a finding matters."""

    NOTE = "note"  # good to know
    WARNING = "warning"  # may weaken the result; look at it
    PROBLEM = "problem"  # the result will likely be wrong or inconclusive


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing found in the data. `examples` are places (file:line) or values."""

    what: str
    count: int
    detail: str
    examples: tuple[str, ...] = ()
    severity: Severity = Severity.NOTE


# What each tallied oddity means for the user: detail and severity.
_MEANINGS: dict[str, tuple[str, Severity]] = {
    "blank lines": ("skipped", Severity.NOTE),
    "rows without input": ("skipped: the input field is missing, null or blank", Severity.WARNING),
    "lines with broken characters": (
        "bytes that are not UTF-8 were replaced by U+FFFD",
        Severity.WARNING,
    ),
    "texts with NUL characters": ("NUL characters were removed", Severity.WARNING),
    "texts with broken surrogates": ("half characters were replaced by U+FFFD", Severity.WARNING),
    "very long texts": (
        "longer than 20,000 characters; a model may read only a part of them",
        Severity.NOTE,
    ),
    "rows with fewer fields than the header": ("the missing fields count as empty", Severity.WARNING),
    "records without a conversation": ("skipped", Severity.WARNING),
    "requests the reference failed to answer": (
        "kept as rows without a reference answer",
        Severity.WARNING,
    ),
    "batch requests without a result": ("kept as rows without a reference answer", Severity.WARNING),
    "batch results without a request": ("skipped", Severity.WARNING),
    "batch results that repeat a custom_id": ("the first result was kept", Severity.WARNING),
    "labels that are numbers or truth values": (
        "read as text: 3, 3.0 and '3' are one label, true and 'true' another",
        Severity.NOTE,
    ),
    "latencies that are no numbers": ("counted as not known", Severity.WARNING),
}


def of_tally(tally: Tally) -> tuple[Finding, ...]:
    """Returns one finding per tallied oddity, in the order they were first met."""
    return tuple(
        Finding(
            what=what,
            count=count,
            detail=_MEANINGS[what][0],
            examples=tally.examples(what),
            severity=_MEANINGS[what][1],
        )
        for what, count in tally.counts.items()
        if what in _MEANINGS
    )


def listed(values: Iterable[str], most: int = 5) -> str:
    """Returns values in quotes, the first few and how many more."""
    names = list(values)
    shown = ", ".join(repr(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
