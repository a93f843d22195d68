"""Certified cascades on RouteLLM's recorded answers: share kept, violations, both kinds of test."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.proof.recorded import Recorded, data_folder, kept_gain, load, sentence_encoder
from bench.proof.streams import Stop
from bench.proof.tables import markdown, share
from suffice.stats.budget import look_alpha
from suffice.stats.mixtures import cascade_bets
from suffice.stats.paired_exact import rejects
from suffice.stats.routing import apgr

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["section"]

DELTA = 0.1
STEPS = 40
MARGINS = (0.01, 0.02, 0.05)
SIZES = (500, 1_000, 2_000, 4_000)
DEV_ROWS = 500


@dataclass(frozen=True, kw_only=True)
class Population:
    """The recorded rows as the truth: the bolder step that first keeps each row, and D."""

    step: NDArray[np.int64]
    differences: NDArray[np.int64]
    oracle_drop: NDArray[np.float64]

    @property
    def kept(self) -> NDArray[np.float64]:
        """Share kept at each step."""
        counts = np.bincount(self.step, minlength=STEPS)
        shares: NDArray[np.float64] = np.cumsum(counts) / self.step.size
        return shares

    @property
    def drop(self) -> NDArray[np.float64]:
        """True drop of accuracy at each step."""
        losses = np.bincount(self.step, weights=-self.differences, minlength=STEPS)
        drops: NDArray[np.float64] = np.cumsum(losses) / self.step.size
        return drops

    def oracle(self, margin: float) -> float:
        """Return the largest share any threshold of this score can keep within the margin."""
        within = np.flatnonzero(self.oracle_drop <= margin)
        return 0.0 if within.size == 0 else float(within[-1] + 1) / self.step.size


def population(gain: NDArray[np.float64], data: Recorded) -> Population:
    """Return the rows in steps of equal numbers, least gain first (kept first)."""
    order = np.argsort(gain, kind="stable")
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size)
    differences = data.weak.astype(np.int64) - data.strong.astype(np.int64)
    return Population(
        step=rank * STEPS // order.size,
        differences=differences,
        oracle_drop=-np.cumsum(differences[order]) / order.size,
    )


def section(reps: int, scores: Path | None = None) -> str:
    """Return the table of this section: a tenth of `reps`, at least 200, resamples a cell.

    Args:
        reps: repetitions of the other sections.
        scores: folder that keeps the routing scores between runs; fitting them takes minutes.
    """
    if not data_folder().exists():
        return "Cascades: not measured, the folder SUFFICE_DATA is absent.\n"
    resamples = max(200, reps // 10)
    rows: list[tuple[object, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        encoder = sentence_encoder(Path(folder))
        for name, see_answers in (("mmlu", False), ("gsm8k", False), ("gsm8k", True)):
            data = load(name)
            # The encoder reads 14,042 long prompts in minutes; words carry MMLU's score.
            embed = None if name == "mmlu" else encoder
            gain = kept_gain(data, see_answers=see_answers, embed=embed, folder=scores)
            title = f"{name}, {'prompt and answer' if see_answers else 'prompt'}"
            title += "" if embed is None else ", embedded"
            rows += benchmark_rows(title, gain, data, resamples)
    return markdown(
        f"Certified cascades, Mixtral to GPT-4, delta 10%, {STEPS} steps, {resamples} resamples with"
        " replacement (share of calls kept on Mixtral; violations: true drop > margin)",
        ("score (APGR)", "margin", "oracle", "n", "exact: kept", "of oracle", "violations",
         "exact as look 1 (8%): kept", "violations", "bets: kept", "violations",
         "naive violations"),
        rows,
    )  # fmt: skip


def benchmark_rows(
    name: str, gain: NDArray[np.float64], data: Recorded, resamples: int
) -> list[tuple[object, ...]]:
    """Return one row for each margin and number of labelled rows."""
    truth = population(gain, data)
    title = f"{name} ({apgr(gain, data.weak, data.strong):.3f})"
    found: list[tuple[object, ...]] = []
    for margin in MARGINS:
        for n in SIZES:
            if n > 2 * gain.size:
                continue
            cells = cell(truth, margin, n, resamples)
            oracle = truth.oracle(margin)
            exact = cells["exact"]
            found.append(
                (
                    title, margin, f"{100 * oracle:.1f}%", n,
                    kept(truth, exact), f"{100 * mean_kept(truth, exact) / max(oracle, 1e-9):.0f}%",
                    violations(truth, exact, margin),
                    kept(truth, cells["look"]), violations(truth, cells["look"], margin),
                    kept(truth, cells["bets"]), violations(truth, cells["bets"], margin),
                    violations(truth, cells["naive"], margin),
                )
            )  # fmt: skip
    return found


def mean_kept(truth: Population, chosen: NDArray[np.int64]) -> float:
    """Return the mean share kept; -1 is "escalate everything"."""
    return float(np.where(chosen >= 0, truth.kept[chosen], 0.0).mean())


def kept(truth: Population, chosen: NDArray[np.int64]) -> str:
    """Return the mean share kept with its Monte-Carlo standard error."""
    shares = np.where(chosen >= 0, truth.kept[chosen], 0.0)
    return f"{100 * shares.mean():.1f} ± {100 * shares.std() / np.sqrt(shares.size):.1f}%"


def violations(truth: Population, chosen: NDArray[np.int64], margin: float) -> str:
    """Return the share of resamples whose chosen step truly drops more than the margin."""
    wrong = (chosen >= 0) & (truth.drop[chosen] > margin)
    return share(int(wrong.sum()), wrong.size)


def cell(truth: Population, margin: float, n: int, resamples: int) -> dict[str, NDArray[np.int64]]:
    """Return the chosen step of each method on each resample (-1: none)."""
    rng = np.random.default_rng(41)
    dev = rng.integers(0, truth.step.size, DEV_ROWS)
    rows = rng.integers(0, truth.step.size, (resamples, n))
    step, differences = truth.step[rows], truth.differences[rows]
    wins, losses = (counts(step, differences == sign) for sign in (1, -1))
    exact = rejects(wins, losses, n, margin=margin, alpha=DELTA)
    look = rejects(wins, losses, n, margin=margin, alpha=look_alpha(DELTA, 1))
    within = losses - wins <= n * margin
    last = np.where(within, np.arange(STEPS), -1).max(axis=1)
    dev_discordant = truth.differences[dev] != 0
    variance = [float((dev_discordant & (truth.step[dev] <= k)).mean()) for k in range(STEPS)]
    naive: NDArray[np.int64] = last.astype(np.int64)
    return {
        "exact": walk(exact),
        "look": walk(look),
        "bets": betting_walk(step, differences, margin, variance),
        "naive": naive,
    }


def counts(step: NDArray[np.int64], chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return how many chosen rows each step keeps, shape (resamples, STEPS)."""
    resamples = step.shape[0]
    cells = (np.arange(resamples)[:, None] * STEPS + step)[chosen]
    table = np.bincount(cells, minlength=resamples * STEPS).reshape(resamples, STEPS)
    total: NDArray[np.int64] = np.cumsum(table, axis=1)
    return total


def walk(certified: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the last step before the first that is not certified, -1 if that is the first."""
    stopped = ~certified
    first = np.where(stopped.any(axis=1), stopped.argmax(axis=1), certified.shape[1])
    last: NDArray[np.int64] = first.astype(np.int64) - 1
    return last


def betting_walk(
    step: NDArray[np.int64],
    differences: NDArray[np.int64],
    margin: float,
    variance: list[float],
) -> NDArray[np.int64]:
    """Return the walk with bets looked at after every row."""
    resamples, n = step.shape
    chosen, alive = np.full(resamples, -1), np.arange(resamples)
    rows = np.arange(1, n + 1)
    for k in range(STEPS):
        bets = cascade_bets(margin, variance=variance[k], horizon=n, alpha=DELTA)
        keep = step[alive] <= k
        wins = np.cumsum(keep & (differences[alive] > 0), axis=1, dtype=np.int64)
        losses = np.cumsum(keep & (differences[alive] < 0), axis=1, dtype=np.int64)
        passed = Stop(bets=bets, error=DELTA).reached(wins, losses, rows).any(axis=1)
        alive = alive[passed]
        chosen[alive] = k
        if alive.size == 0:
            break
    return chosen
