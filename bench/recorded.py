"""Print searches over ladders of real recorded models as Markdown: `python -m bench.recorded`.

For each category of MMLU-Pro and for GSM8K: the smallest model within 5 points of the best one,
found by the project's controller (`stats.ladder.climb` over `stats.mixtures.paired_bets`). A
repetition draws its rows from the recorded ones with replacement, so that the truth is the
accuracy over all recorded rows, exactly.
"""

import argparse
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from bench.proof.tables import markdown, share
from bench.recorded_boards import MARGIN, Board, boards
from suffice.bar import QualityBar, Target
from suffice.cascade import Cascade, Tier
from suffice.certify.estimates import SystemEstimate, bets_for
from suffice.certify.path import frontier_path
from suffice.certify.resources import Resources
from suffice.stats.betting import Bets
from suffice.stats.ladder import Hypothesis, LadderPlan, Order, climb
from suffice.stats.mixtures import paired_bets
from suffice.stats.planning import expected_n

ALPHA, POWER, DEV_ROWS, NAIVE_ROWS = 0.05, 0.95, 100, 200
# More rows than were recorded: a larger file of the same kind, so that most searches can decide.
MOST_ROWS = 10_000
BAR = QualityBar(target=Target.NON_INFERIOR, margin=MARGIN)
# A ladder is clear where no model up to the one to be found lies closer to the bar than this.
CLEAR = 0.02
# All recorded models; and those whose size is public, where the best of them is the reference.
LADDERS = {"all": False, "open": True}


@dataclass(frozen=True, kw_only=True)
class Found:
    """One search: the model (None: none was certified), and the model answers it took."""

    model: int | None
    evaluations: int
    reference_rows: int


Positions = NDArray[np.int64]
Search = Callable[[Board, Positions, Positions], Found]


def ascending(board: Board, rows: Positions, dev: Positions) -> Found:  # noqa: ARG001 - a Search
    """Climbs over every candidate, smallest first, without any earlier look."""
    return _climbed(board, board.candidates, [paired_bets(MARGIN)] * len(board.candidates), rows)


def descending(board: Board, rows: Positions, dev: Positions) -> Found:
    """Comes down the path that dev rows suggest, each model at full alpha: what `suffice run` does."""
    values = board.differences[dev]
    estimates = [_estimate(board, index, values[:, index]) for index in board.candidates]
    path = frontier_path(estimates, minimise="bytes", rows=len(rows)).systems
    chosen = [int(system.cascade.name) for system in path]
    return _climbed(board, chosen, [bets_for(system, BAR) for system in path], rows, "descending")


def naive(board: Board, rows: Positions, dev: Positions) -> Found:  # noqa: ARG001 - a Search
    """Takes the smallest model whose point estimate clears the bar: no proof, for comparison."""
    means = board.differences[rows[:NAIVE_ROWS]].mean(axis=0)
    model = next((i for i in board.candidates if means[i] >= -MARGIN), None)
    return Found(model=model, evaluations=NAIVE_ROWS * board.asked, reference_rows=NAIVE_ROWS)


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to search. `most_rows` None: as many as were recorded.

    `compares`: whether it has rows enough to decide, so that fixed-n testing may be held against it.
    """

    title: str
    search: Search
    most_rows: int | None
    takes_dev: bool = False
    compares: bool = True


METHODS = {
    "ascending": Method(
        title=f"ascending over all models, no dev rows, at most {MOST_ROWS:,} rows",
        search=ascending,
        most_rows=MOST_ROWS,
    ),
    "descending": Method(
        title=f"descending over the path chosen on {DEV_ROWS} dev rows, at most {MOST_ROWS:,} rows",
        search=descending,
        most_rows=MOST_ROWS,
        takes_dev=True,
    ),
    "as-recorded": Method(
        title="the same with no more rows than were recorded: what can be certified from them",
        search=descending,
        most_rows=None,
        takes_dev=True,
        compares=False,
    ),
    "naive": Method(
        title=f"not a proof: the smallest point estimate above the bar on {NAIVE_ROWS} rows",
        search=naive,
        most_rows=NAIVE_ROWS,
        compares=False,
    ),
}


def _climbed(
    board: Board,
    candidates: Sequence[int],
    bets: Sequence[Bets],
    rows: Positions,
    order: Order = "ascending",
) -> Found:
    claims = [Hypothesis(name=str(i), claim=b) for i, b in zip(candidates, bets, strict=True)]
    # The e-process looks after every row whatever the block; answers count up to the decision.
    plan = LadderPlan(alpha=ALPHA, order=order, max_n=len(rows), block=1_024)
    columns = board.differences.T
    result = climb(claims, lambda i, start, stop: columns[candidates[i]][rows[start:stop]], plan=plan)
    used = [outcome.n for outcome in result.outcomes]
    return Found(
        model=None if result.chosen is None else candidates[result.chosen],
        evaluations=sum(used) + max(used),
        reference_rows=max(used),
    )


def _estimate(board: Board, index: int, values: NDArray[np.float64]) -> SystemEstimate:
    """Returns what dev says of one model; those of unknown size rank behind the known, in order."""
    size = board.sizes[index]
    padded = np.append(values, -1.0)  # one made-up worst row, as `certify.estimates` has it
    found = SystemEstimate(
        cascade=Cascade(name=str(index), tiers=(Tier(model=str(index)),)),
        resources=Resources(bytes=2e9 * size if size is not None else 1e15 + index),
        reached=(1.0,),
        mean=float(padded.mean()),
        variance=float(padded.var()),
        n=len(values),
        same=float((values == 0).mean()),
        rows_needed=None,
        misses=None,
    )
    needed = expected_n(
        bets_for(found, BAR),
        mean=found.cautious_mean,
        variance=found.variance,
        log_threshold=-math.log(ALPHA),
    )
    return replace(found, rows_needed=needed)


def fixed_rows(board: Board) -> int | None:
    """Returns the rows of a fixed-n paired test of every candidate, planned for the model to be found.

    n = (z_{1-alpha/K} + z_power)^2 Var(D) / gap^2, Bonferroni over the K candidates (normal
    approximation). It is told the gap and the variance of the model, which no user knows.
    """
    if board.smallest is None or board.gap[board.smallest] <= 0:
        return None
    z = NormalDist().inv_cdf(1 - ALPHA / len(board.candidates)) + NormalDist().inv_cdf(POWER)
    spread = float(board.differences[:, board.smallest].var())
    return math.ceil(z * z * spread / float(board.gap[board.smallest]) ** 2)


def nearest(board: Board) -> float | None:
    """Returns the smallest distance to the bar among the candidates up to the one to be found."""
    if board.smallest is None:
        return None
    stop = board.candidates.index(board.smallest) + 1
    return float(min(abs(board.gap[i]) for i in board.candidates[:stop]))


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Repeated searches by one method on one board."""

    board: Board
    method: Method
    found: tuple[Found, ...]
    dev_evaluations: int

    @property
    def violations(self) -> int:
        """Returns how often a model was chosen that is truly more than the margin below the best."""
        return sum(f.model is not None and self.board.gap[f.model] < 0 for f in self.found)

    @property
    def hits(self) -> int:
        """Returns how often the smallest truly good model was chosen (the reference, where it is alone)."""
        return sum(f.model == self.board.smallest for f in self.found)

    @property
    def none(self) -> int:
        """Returns how often no candidate was certified: the reference stays."""
        return sum(f.model is None for f in self.found)

    @property
    def evaluations(self) -> float:
        """Returns the mean number of model answers, those on dev rows included."""
        return float(np.mean([f.evaluations for f in self.found])) + self.dev_evaluations

    @property
    def ratio(self) -> float | None:
        """Returns fixed-n testing's model answers over these; None where the two do not compare."""
        fixed = fixed_rows(self.board)
        if fixed is None or fixed > MOST_ROWS or not self.method.compares:
            return None
        return fixed * self.board.asked / self.evaluations

    def cells(self) -> tuple[str, ...]:
        """Returns this method's cells of the table."""
        reps = len(self.found)
        spread = float(np.std([f.evaluations for f in self.found])) / math.sqrt(reps)
        fixed = fixed_rows(self.board)
        return (
            self.board.name + (" (clear)" if is_clear(self.board) else ""),
            share(self.hits, reps),
            share(self.none, reps),
            share(self.violations, reps),
            f"{np.mean([f.reference_rows for f in self.found]):,.0f}",
            f"{self.evaluations:,.0f} ± {spread:,.0f}",
            "-" if fixed is None else f"{fixed * self.board.asked:,}",
            "-" if self.ratio is None else f"{self.ratio:,.1f}",
        )


def is_clear(board: Board) -> bool:
    """Says whether no model up to the one to be found lies close to the bar."""
    distance = nearest(board)
    return distance is not None and distance >= CLEAR


def tally(board: Board, method: Method, *, reps: int) -> Tally:
    """Returns repeated searches; every method sees the same rows in repetition r, as far as it looks."""
    n = len(board.differences)
    found = []
    for repetition in range(reps):
        dev, rows = (np.random.default_rng([repetition, n, part]) for part in (0, 1))
        found.append(
            method.search(board, rows.integers(n, size=method.most_rows or n), dev.integers(n, size=DEV_ROWS))
        )
    spent = DEV_ROWS * board.asked if method.takes_dev else 0
    return Tally(board=board, method=method, found=tuple(found), dev_evaluations=spent)


def describe(every: Sequence[Board]) -> str:
    """Returns the table of the ladders: the truth that searches are held against."""
    rows = []
    for board in every:
        best, small = board.reference, board.smallest
        size = None if small is None else board.sizes[small]
        distance = nearest(board)
        rows.append(
            (
                board.name,
                f"{len(board.right):,}",
                f"{board.asked} ({board.left_out})",
                f"{board.models[best]}, {board.accuracy[best]:.3f}",
                "none" if small is None else f"{board.models[small]}, {board.accuracy[small]:.3f}",
                "unknown" if size is None else f"{size:g}",
                "-" if small is None else f"{100 * board.gap[small]:+.1f}",
                "-" if distance is None else f"{100 * distance:.1f}",
            )
        )
    header = (
        "ladder",
        "rows",
        "models asked (incomplete ones)",
        "best, accuracy",
        "smallest within 5 points, accuracy",
    )
    more = ("its parameters, 1e9", "its points above the bar", "nearest to the bar up to it, points")
    return markdown("The ladders, by all recorded rows", (*header, *more), rows)


def section(every: Sequence[Board], method: Method, *, reps: int) -> str:
    """Returns the table of one method over all ladders, with the shares over all of them."""
    began = time.perf_counter()
    tallies = [tally(board, method, reps=reps) for board in every]
    took = time.perf_counter() - began
    header = ("ladder", "smallest good one found", "none chosen", "violations", "rows, mean")
    more = ("model answers, mean", "fixed-n, told the gap", "fixed-n / ours")
    text = markdown(method.title.capitalize(), (*header, *more), [found.cells() for found in tallies])
    total = reps * len(tallies)
    overall = share(sum(t.violations for t in tallies), total)
    worst = share(max(t.violations for t in tallies), reps)
    lines = [f"Violations: {overall} of all {total:,} searches; {worst} of {reps} on the worst ladder."]
    clear = [t.ratio for t in tallies if is_clear(t.board) and t.ratio is not None]
    if clear:
        lines.append(
            f"Fixed-n / ours on the {len(clear)} clear ladders: {np.median(clear):.1f} in the median,"
            f" {min(clear):.1f} at least."
        )
    return "\n".join([text, " ".join([*lines, f"Took {took:.0f} s."])]) + "\n"


def main() -> None:
    """Search every ladder by every method."""
    parser = argparse.ArgumentParser(prog="python -m bench.recorded", description=__doc__)
    parser.add_argument("--reps", type=int, default=200, help="searches a ladder and method")
    parser.add_argument("--method", choices=sorted(METHODS), help="one method only")
    parser.add_argument("--ladders", choices=sorted(LADDERS), help="one set of ladders only")
    arguments = parser.parse_args()
    print(
        f"Smallest model within {100 * MARGIN:.0f} points of the best, alpha {ALPHA}; {arguments.reps}"
        " searches a ladder, on rows drawn with replacement from the recorded ones. The reference is the"
        " model that is best over all recorded rows: fixed, not chosen by a search. Models go by"
        " parameters, those of unknown size last, by name; models known to be larger than the reference are"
        " no candidates. A violation is a chosen model truly more than"
        f" {100 * MARGIN:.0f} points below the best. Model answers count the candidates', the"
        " reference's, and all models' on dev rows. ± is one Monte-Carlo standard error. Fixed-n: a"
        f" paired test of every model (Bonferroni, power {POWER}) with the rows planned for the true gap"
        " and variance of the model to be found; the ratio is left out where that takes more than"
        f" {MOST_ROWS:,} rows. A ladder is clear where no model up to that one lies within"
        f" {100 * CLEAR:.0f} points of the bar.\n"
    )
    for name in [arguments.ladders] if arguments.ladders else LADDERS:
        every = boards(only_known_sizes=LADDERS[name])
        print(f"## {name.capitalize()} models\n\n{describe(every)}", flush=True)
        for key in [arguments.method] if arguments.method else METHODS:
            print(section(every, METHODS[key], reps=arguments.reps), flush=True)


if __name__ == "__main__":
    main()
