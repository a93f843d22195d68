"""Which certify rows can take part in a target's test, and in which order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from suffice.bar import Target
from suffice.task import Sample

# From this share of labelled rows on, the labelled rows alone are tested, row by row; below it,
# all rows bound the disagreement first. The rule looks at labels' presence only, never at values.
_MOSTLY_LABELLED = 0.5
# Judged rows beside each labelled one: more would take answers of every model for under 5% of
# the variance of the judge's share.
_MOST_FRESH = 20


@dataclass(frozen=True, kw_only=True)
class CertifyRows:
    """The rows that can take part in the target's test, in an order fixed by the seed alone.

    `two_stage`: the disagreement rate is bounded on all rows, the labelled ones among the
    disagreements are bet on. `fresh`: each labelled row is followed by this many unlabelled ones,
    on which a judge's labels take part. Both hold if the labelled rows are a random part of all. `by_judge`:
    what stands in the truth's place is a judge's word, so no row has a label.
    """

    rows: tuple[Sample, ...]
    two_stage: bool
    fresh: int = 0
    by_judge: bool = False

    @property
    def stride(self) -> int:
        """Returns the number of rows behind one value of a test."""
        return 1 + self.fresh

    @property
    def tested(self) -> int:
        """Returns the most values that a test can draw."""
        return len(self.rows) // self.stride

    def without_judge(self) -> "CertifyRows":
        """Returns the labelled rows alone, for tests that rely on no judge: it is not asked about them."""
        rows = tuple(replace(row, judge=None) for row in self.rows[:: self.stride])
        return replace(self, rows=rows, fresh=0)


def usable_rows(
    samples: Sequence[Sample], target: Target, *, order_of: Callable[[Sample], str]
) -> CertifyRows:
    """Returns the rows that the target's test can use, sorted by `order_of` (a seeded hash of the key)."""
    ordered = sorted(samples, key=order_of)
    if target is not Target.ABSOLUTE:
        ordered = [s for s in ordered if s.reference is not None]
    if target is Target.AGREEMENT:
        return CertifyRows(rows=tuple(ordered), two_stage=False)
    labelled = [s for s in ordered if s.target is not None]
    unlabelled = [s for s in ordered if s.target is None]
    fresh = _fresh(labelled, unlabelled)
    if fresh:
        blocks = [(row, *unlabelled[fresh * at : fresh * (at + 1)]) for at, row in enumerate(labelled)]
        return CertifyRows(rows=tuple(s for block in blocks for s in block), two_stage=False, fresh=fresh)
    if target is Target.ABSOLUTE or len(labelled) >= _MOSTLY_LABELLED * len(ordered):
        return CertifyRows(rows=tuple(labelled), two_stage=False)
    return CertifyRows(rows=tuple(ordered), two_stage=True)


def _fresh(labelled: Sequence[Sample], unlabelled: Sequence[Sample]) -> int:
    """Returns how many unlabelled rows there are for each labelled one; 0 where no judge spoke.

    A row that the judge left out stays in: what is bet on is then that it said nothing, and which
    rows it leaves out may depend on the row.
    """
    if not labelled or not any(s.judge is not None for s in unlabelled):
        return 0
    return min(len(unlabelled) // len(labelled), _MOST_FRESH)
