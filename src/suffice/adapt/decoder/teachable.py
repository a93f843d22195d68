"""Which rows a decoder can learn from, and how many it wants."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suffice.errors import DataError
from suffice.ports import TrainingRows
from suffice.task import Kind, Sample

_LEAST_DEV_ROWS = 30
_HOLD_OUT_EVERY = 5


@dataclass(frozen=True, kw_only=True)
class Teachable:
    """Rows with targets: those that are learnt from, and those that tell when to stop."""

    train: Sequence[Sample]
    dev: Sequence[Sample]


def teachable(rows: TrainingRows, *, least: int, least_per_label: int, what: str) -> Teachable:
    """Returns the rows with targets; of too few dev rows every fifth train row stands in for them.

    Raises:
        DataError: fewer rows than the method wants; names both numbers. A target that is no label.
    """
    train = [sample for sample in rows.train if sample.target is not None]
    dev = [sample for sample in rows.dev if sample.target is not None]
    wanted = max(least, least_per_label * len(rows.labels))
    if len(train) < wanted:
        has = "is 1" if len(train) == 1 else f"are {len(train):,}"
        raise DataError(
            f"{what} wants at least {wanted:,} train rows with a target; there {has}",
            hint="add rows, or list a rung that learns from fewer: linear, tagger, or method prompt",
        )
    if rows.kind is Kind.CLASSIFY:
        _require_labels([*train, *dev], rows.labels)
    if len(dev) >= _LEAST_DEV_ROWS:
        return Teachable(train=train, dev=dev)
    order = np.random.default_rng(0).permutation(len(train))
    held = set(order[: -(-len(train) // _HOLD_OUT_EVERY)].tolist())
    return Teachable(
        train=[sample for place, sample in enumerate(train) if place not in held],
        dev=[*dev, *(sample for place, sample in enumerate(train) if place in held)],
    )


def _require_labels(samples: Sequence[Sample], labels: Sequence[str]) -> None:
    known = set(labels)
    for sample in samples:
        if sample.target not in known:
            where = f" ({sample.source})" if sample.source else ""
            raise DataError(f"the target {sample.target!r}{where} is none of the task's {len(labels)} labels")
