"""Recorded model judges against gold: agreement, position and length, and what asking in both orders gains.

`python -m bench.judges` reads verdicts of five models on 419 pairs of LLMBar (Zeng et al. 2024) from
SUFFICE_DATA: each pair was judged in both orders by the plain prompt. The numbers are those of a report.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.proof.tables import markdown
from suffice.score.fields import Estimate
from suffice.score.judge.asking import WORTH, Mode
from suffice.score.judge.report import Judged, report_on
from suffice.score.judge.scorer import Judgement

JUDGES = ("GPT-4", "PaLM2", "Falcon", "LLaMA2", "ChatGPT")
ORDERS = ("swap = False", "swap = True")
DRAWS = 2_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One pair as a judge saw it; the answer asked about is the first output, `gold` 1 where it is better."""

    part: str
    gold: float
    verdicts: tuple[str | None, ...]
    length: int

    @property
    def worth(self) -> tuple[float, ...]:
        """Returns what each order gives the first output."""
        return tuple(WORTH[Mode.COMPARE][at][str(v)] for at, v in enumerate(self.verdicts))


def main() -> None:
    """Print the tables."""
    source = Path(os.environ.get("SUFFICE_DATA", "../shared/data")) / "llmbar"
    found = {name: read(source, name) for name in JUDGES}
    print(
        markdown(
            "Five recorded judges on pairs with a gold preference, 95% intervals by bootstrap over pairs",
            (
                "judge", "pairs, unreadable", "right, one order", "right in both orders", "wrong in both",
                "order changes it (tie)", "for the first", "kappa, both orders",
                "verdict ~ length (gold ~ length)",
            ),
            [row_of(name, pairs) for name, pairs in found.items()],
        )
    )  # fmt: skip
    print(
        markdown(
            "By part: pairs as people meet them, and pairs made to mislead (right, one order / both orders)",
            ("judge", "natural", "adversarial"),
            [
                (name, *(part_of([p for p in pairs if (p.part == "Natural") == natural])
                         for natural in (True, False)))
                for name, pairs in found.items()
            ],
        )
    )  # fmt: skip
    print(
        markdown(
            "How often the first output wins: by gold, and what a judge's share adds to that (points)",
            ("judge", "gold", "it always stands first", "it always stands second", "both orders"),
            [wins_of(name, pairs) for name, pairs in found.items()],
        )
    )
    print(
        markdown(
            "What a judge leaves of the truths that a proof takes, as a control variate with many judged "
            "rows: 1 - r² of verdict and gold, 100% where r is not above 0",
            ("judge", "one order", "both orders", "difference"),
            [left_of(name, pairs) for name, pairs in found.items()],
        )
    )


def read(source: Path, judge: str) -> list[Pair]:
    """Returns a judge's verdicts on all pairs."""
    files = sorted((source / "raw_vanilla").rglob(f"{judge}.json"))
    return [
        Pair(
            part=path.parent.name,
            gold=float(row["label"] == 1),
            verdicts=tuple(_verdict(row["results"][0][order], at) for at, order in enumerate(ORDERS)),
            length=len(row["output_1"]) - len(row["output_2"]),
        )
        for path in files
        for row in json.loads(path.read_text(encoding="utf-8"))
    ]


def _verdict(said: dict[str, Any], order: int) -> str | None:
    """Returns A or B by place; the data name the winner, which stands second in the second order."""
    if said["winner"] is None:
        return None
    return "A" if (said["winner"] == "1") == (order == 0) else "B"


def judged_of(pairs: Sequence[Pair]) -> list[Judged]:
    """Returns the pairs as a run's report takes them."""
    return [
        Judged(
            row=str(at),
            candidate="first output",
            judgement=Judgement(
                worth=None if None in pair.verdicts else sum(pair.worth) / 2, verdicts=pair.verdicts
            ),
            human=pair.gold,
            length=pair.length,
        )
        for at, pair in enumerate(pairs)
    ]


def row_of(name: str, pairs: Sequence[Pair]) -> tuple[str, ...]:
    """Returns a judge's row of the first table."""
    found = report_on(judged_of(pairs))
    one, both, wrong = _shares(pairs)
    return (
        name,
        f"{found.n}, {found.unreadable}",
        _percent(*one),
        _percent(*both),
        _percent(*wrong),
        _estimate(found.changed, scale=100, form="{:.1f}"),
        f"{_estimate(found.first, scale=100, form='{:.1f}')}, n {found.first.n}",
        _estimate(found.kappa),
        f"{_estimate(found.length)} ({_estimate(found.human_length)})",
    )


def part_of(pairs: Sequence[Pair]) -> str:
    """Returns how often a judge is right on a part, in one order and in both."""
    one, both, _ = _shares(pairs)
    n = len(_readable(pairs))
    return f"{_percent(*one)} / {_percent(*both)}, n {n}"


def wins_of(name: str, pairs: Sequence[Pair]) -> tuple[str, ...]:
    """Returns how often the first output wins by gold, and how far a judge is from that by order."""
    known = _readable(pairs)
    gold = np.array([pair.gold for pair in known])
    worth = np.array([pair.worth for pair in known])

    def wins(rows: NDArray[np.int64]) -> Floats:
        gap = (worth[rows] - gold[rows, None]).mean(axis=0)
        return np.array([gold[rows].mean(), *gap, gap.mean()])

    first, *gaps = _bootstrap(wins, len(known))
    return (name, f"{_percent(*first)}, n {len(known)}", *(_percent(*gap) for gap in gaps))


def left_of(name: str, pairs: Sequence[Pair]) -> tuple[str, ...]:
    """Returns the share of truths a judge leaves to be taken, by one order and by both."""
    known = _readable(pairs)
    gold = np.array([pair.gold for pair in known])
    worth = np.array([pair.worth for pair in known])

    def left(rows: NDArray[np.int64]) -> Floats:
        single = np.mean([_unexplained(gold[rows], worth[rows, order]) for order in (0, 1)])
        double = _unexplained(gold[rows], worth[rows].mean(axis=1))
        return np.array([single, double, double - single])

    return (name, *(_percent(*three) for three in _bootstrap(left, len(known))))


def _unexplained(gold: Floats, worth: Floats) -> float:
    if np.ptp(worth) == 0:
        return 1.0
    return 1 - max(0.0, float(np.corrcoef(gold, worth)[0, 1])) ** 2  # no test relies on a judge backwards


def _readable(pairs: Sequence[Pair]) -> list[Pair]:
    return [pair for pair in pairs if None not in pair.verdicts]


def _shares(pairs: Sequence[Pair]) -> list[tuple[float, float, float]]:
    """Returns the shares right in one order, right in both and wrong in both, each with its interval."""
    hits = np.array([[float(w == pair.gold) for w in pair.worth] for pair in _readable(pairs)])

    def shares(rows: NDArray[np.int64]) -> Floats:
        taken = hits[rows]
        return np.array([taken.mean(), taken.min(axis=1).mean(), 1 - taken.max(axis=1).mean()])

    return _bootstrap(shares, len(hits))


def _bootstrap(value: Callable[[NDArray[np.int64]], Floats], n: int) -> list[tuple[float, float, float]]:
    """Returns each value with the ends of its 95% percentile interval over draws of the n pairs."""
    draw = np.random.default_rng(0)
    at = value(np.arange(n))
    drawn = np.array([value(draw.integers(0, n, n)) for _ in range(DRAWS)])
    lower, upper = np.quantile(drawn, (0.025, 0.975), axis=0)
    return [(float(a), float(b), float(c)) for a, b, c in zip(at, lower, upper, strict=True)]


def _percent(value: float, lower: float, upper: float) -> str:
    return f"{100 * value:.1f}% ({100 * lower:.1f} to {100 * upper:.1f})"


def _estimate(found: Estimate, *, scale: float = 1, form: str = "{:.2f}") -> str:
    if found.value is None or found.interval is None:
        return "not measured"
    value, lower, upper = (
        form.format(scale * x) for x in (found.value, found.interval.lower, found.interval.upper)
    )
    unit = "%" if scale == 100 else ""
    return f"{value}{unit} ({lower} to {upper})"


if __name__ == "__main__":
    main()
