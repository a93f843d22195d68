"""Slots of restaurant bookings by training rows, and whether "label about N more" is what it then takes.

`python -m bench.restaurant8k` reads Restaurant8k from SUFFICE_DATA: both span taggers of 64, 512 and all
8,198 training rows, tested on all 3,731 test rows.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench import taggers
from examples import prepare
from suffice.bar import Metric, QualityBar, ResourceBars, Target, Verdict
from suffice.cascade import Cascade, Tier
from suffice.certify.certify_rows import CertifyRows
from suffice.certify.estimates import DevView, estimate
from suffice.certify.graded import GradedModel
from suffice.certify.resources import Resources
from suffice.certify.search import search
from suffice.certify.search_result import Tested
from suffice.certify.systems import Graders
from suffice.ports import Answer
from suffice.stats.intervals import wilson
from suffice.task import Kind, Sample, Task

SIZES = (64, 512, 8198)
MARGINS = (0.02, 0.03, 0.05)  # how far above the bar the model really is
FIRST, DEV, REPEATS, ALPHA = 150, 300, 200, 0.04


def main() -> None:
    """Print both tables."""
    source = Path(os.environ.get("SUFFICE_DATA", "../shared/data"))
    with tempfile.TemporaryDirectory() as folder:
        train_file, test_file = prepare.restaurant8k(source, Path(folder))
        train, test = taggers.samples(train_file), taggers.samples(test_file)
        rng = np.random.default_rng(0)
        order = rng.permutation(len(train))
        found = taggers.learning_curve([train[at] for at in order], test, sizes=SIZES)
    _decisions(found[SIZES[1]])


def _decisions(worth: NDArray[np.float64]) -> None:
    """Prints how many fresh rows decided, against how many were asked for."""
    print(
        f'\n"About N fresh rows would decide", checked with the tagger of {SIZES[1]} rows, which is right on '
        f"{worth.mean():.1%}: {REPEATS} times {DEV} rows drawn as dev set the bets, {FIRST} others as "
        f"certify did not decide and gave "
        "N, and fresh rows were then drawn until the test decided.\n"
    )
    print(
        "| bar below the truth by | not decided at first | N, median | rows it took, median | took at most "
        "N | at most 2 N | said pass |\n"
        "|---|---|---|---|---|---|---|"
    )
    for margin in MARGINS:
        rng = np.random.default_rng(1)
        asked, took, passed = [], [], []
        for _ in range(REPEATS):
            drawn = rng.permutation(worth)
            dev, first, rest = drawn[:DEV], drawn[DEV : DEV + FIRST], drawn[DEV + FIRST :]
            bar = float(worth.mean()) - margin
            test = _tested(dev, first, bar=bar)
            if test.verdict is not Verdict.INCONCLUSIVE or test.fresh_rows is None:
                continue
            again = _tested(dev, rest, bar=bar)
            asked.append(test.fresh_rows)
            took.append(again.n)
            passed.append(again.verdict is Verdict.PASS)
        n, needed = np.array(asked), np.array(took)
        print(
            f"| {100 * margin:g} points | {len(n)} of {REPEATS} | {np.median(n):,.0f} | "
            f"{np.median(needed):,.0f} | "
            f"{_counted(int((needed <= n).sum()), len(n))} | "
            f"{_counted(int((needed <= 2 * n).sum()), len(n))} | "
            f"{_counted(sum(passed), len(n))} |"
        )


def _counted(count: int, n: int) -> str:
    ends = wilson(count, n)
    return f"{count / n:.0%} ({ends.lower:.0%} to {ends.upper:.0%})"


def _tested(dev: NDArray[np.float64], certify: NDArray[np.float64], *, bar: float) -> Tested:
    """Returns the test of one model whose answers are worth these, as `run` tests it."""
    quality = QualityBar(metric=Metric.EXACT_MATCH, target=Target.ABSOLUTE, at_least=bar)
    task = Task(name="made", kind=Kind.EXTRACT, labels=(), quality=quality, resources=ResourceBars())
    cascade = Cascade(name="tagger", tiers=(Tier(model="tagger"),))
    dev_rows, rows = _rows(dev), _rows(certify)
    parts = {"tagger": Resources(cost_usd_per_1k=1.0)}
    view = DevView(graders=_graders(dev_rows), rows=dev_rows, parts=parts, task=task)
    path = [estimate(cascade, view, alpha=ALPHA)]
    found = search(
        path,
        _graders(rows),
        CertifyRows(rows=rows, two_stage=False),
        bar=quality,
        alpha=ALPHA,
        call_prices=[0.0],
    )
    return found.tests[0]


def _rows(worth: NDArray[np.float64]) -> tuple[Sample, ...]:
    return tuple(Sample(key=str(n), text=str(value), target="1.0") for n, value in enumerate(worth))


def _graders(rows: Sequence[Sample]) -> Graders:
    model = GradedModel(
        "tagger", rows, ask=lambda samples: [Answer(text=sample.text) for sample in samples], grade=_equal
    )
    return Graders(models={"tagger": model}, reference=None)


def _equal(wanted: Sequence[object], answers: Sequence[str | None]) -> NDArray[np.float64]:
    return np.array(
        [
            np.nan if want is None else float(want == answer)
            for want, answer in zip(wanted, answers, strict=True)
        ]
    )


if __name__ == "__main__":
    main()
