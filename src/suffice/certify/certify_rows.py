"""Which certify rows can take part in a target's test, and in which order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from suffice.bar import Target
from suffice.task import Sample

# From this share of labelled rows on, the labelled rows alone are tested, row by row; below it,
# all rows bound the disagreement first. The rule looks at labels' presence only, never at values.
_MOSTLY_LABELLED = 0.5


@dataclass(frozen=True, kw_only=True)
class CertifyRows:
    """The rows that can take part in the target's test, in an order fixed by the seed alone.

    `two_stage`: the disagreement rate is bounded on all rows, the labelled ones among the
    disagreements are bet on. It holds if the labelled rows are a random part of all.
    """

    rows: tuple[Sample, ...]
    two_stage: bool


def usable_rows(
    samples: Sequence[Sample], target: Target, *, order_of: Callable[[Sample], str]
) -> CertifyRows:
    """Returns the rows that the target's test can use, sorted by `order_of` (a seeded hash of the key)."""
    ordered = sorted(samples, key=order_of)
    if target is Target.ABSOLUTE:
        return CertifyRows(rows=tuple(s for s in ordered if s.target is not None), two_stage=False)
    paired = [s for s in ordered if s.reference is not None]
    if target is Target.AGREEMENT:
        return CertifyRows(rows=tuple(paired), two_stage=False)
    labelled = [s for s in paired if s.target is not None]
    if len(labelled) >= _MOSTLY_LABELLED * len(paired):
        return CertifyRows(rows=tuple(labelled), two_stage=False)
    return CertifyRows(rows=tuple(paired), two_stage=True)
