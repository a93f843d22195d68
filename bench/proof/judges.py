"""Labels of a judge beside few true ones: type-I error with any judge, and labels saved by a good one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.proof.tables import markdown, share
from suffice.bar import QualityBar, Target
from suffice.cascade import Cascade, Tier
from suffice.certify.estimates import SystemEstimate, bets_for
from suffice.certify.judged import JudgedDev, with_judge
from suffice.certify.resources import Resources
from suffice.stats.betting import log_wealth
from suffice.stats.prediction_powered import PoweredBets

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["section"]

ALPHA = 0.05
DEV_LABELS = 200
FRESH = 8
ABSOLUTE = QualityBar(target=Target.ABSOLUTE, at_least=0.85)
PAIRED = QualityBar(target=Target.NON_INFERIOR, margin=0.05)
DIFFERS, BOTH_WRONG = 0.2, 0.3


@dataclass(frozen=True, kw_only=True)
class Job:
    """A target with its true mean; and how a judge's guess of a value comes about."""

    bar: QualityBar
    mean: float

    def values(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
        """Return true values: right or wrong, or paired differences on a fifth of the rows."""
        if self.bar.target is Target.ABSOLUTE:
            return (rng.random(shape) < self.mean).astype(np.float64)
        half, tilt = DIFFERS * (1 - BOTH_WRONG) / 2, self.mean / 2
        law = [half - tilt, 1 - 2 * half, half + tilt]
        return rng.choice([-1.0, 0.0, 1.0], size=shape, p=law)

    def wrong(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value as a judge sees it who takes the wrong one of two answers for right."""
        return 1 - values if self.bar.target is Target.ABSOLUTE else -values


def honest(accuracy: float) -> Callable[..., NDArray[np.float64]]:
    """Return a judge that is right this often, on labelled and on other rows alike."""

    def judge(
        job: Job, values: NDArray[np.float64], rng: np.random.Generator, *, labelled: bool
    ) -> NDArray[np.float64]:
        del labelled
        return np.where(rng.random(values.shape) < accuracy, values, job.wrong(values))

    return judge


def constant(
    job: Job, values: NDArray[np.float64], rng: np.random.Generator, *, labelled: bool
) -> NDArray[np.float64]:
    """Return "right" for every row."""
    del job, rng, labelled
    return np.ones_like(values)


def flattering(
    job: Job, values: NDArray[np.float64], rng: np.random.Generator, *, labelled: bool
) -> NDArray[np.float64]:
    """Return the truth where the system is right, and "right" for two thirds of its errors."""
    del job, labelled
    return np.where((values < 1) & (rng.random(values.shape) < 2 / 3), 1.0, values)


def knowing(
    job: Job, values: NDArray[np.float64], rng: np.random.Generator, *, labelled: bool
) -> NDArray[np.float64]:
    """Return the truth on labelled rows, flattery on the others: what the test takes for excluded."""
    return values if labelled else flattering(job, values, rng, labelled=labelled)


def section(reps: int) -> str:
    """Return the tables of this section."""
    judges = {
        "right on 95%": honest(0.95), "a coin": honest(0.5), "right on 5% (anti-correlated)": honest(0.05),
        "constant: always right": constant, "flattering: two thirds of the errors pass": flattering,
        "not allowed: knows the labelled rows": knowing,
    }  # fmt: skip
    errors = []
    for title, job in (
        ("absolute, bar .85", Job(bar=ABSOLUTE, mean=0.85)),
        ("paired, margin .05, d=.2", Job(bar=PAIRED, mean=-0.05)),
    ):
        for name, judge in judges.items():
            chosen = passages(job, judge, reps, cap=500)
            forced = passages(job, judge, reps, cap=500, reliance=1.0)
            errors.append(
                (
                    title, name, share(int(chosen.passed.sum()), reps), f"{chosen.relied:.0%}",
                    share(int(forced.passed.sum()), reps),
                )
            )  # fmt: skip
    saved = []
    for title, job in (
        ("absolute, bar .85, truly .90", Job(bar=ABSOLUTE, mean=0.90)),
        ("paired, margin .05, d=.2, a twin", Job(bar=PAIRED, mean=0.0)),
    ):
        alone = passages(job, honest(0.5), reps, cap=3_000, reliance=0.0)
        saved.append((title, "none", *_cells(alone, alone, reps)))
        for accuracy in (0.95, 0.85, 0.7, 0.5):
            found = passages(job, honest(accuracy), reps, cap=3_000)
            saved.append((title, f"right on {accuracy:.0%}", *_cells(found, alone, reps)))
    return (
        markdown(
            f"Type-I error with a judge, the system exactly at the bar (alpha 5%, {reps} streams of 500"
            f" labels, {FRESH} judged rows beside each, looked at after each label)",
            ("target", "judge", "certified wrongly, reliance chosen on dev", "relied on",
             "certified wrongly, reliance 1"),
            errors,
        )
        + "\n"
        + markdown(
            f"Labelled rows to certify with a judge ({DEV_LABELS} labelled dev rows choose bets and reliance,"
            f" {FRESH} judged rows beside each, alpha 5%, at most 3,000, {reps} streams)",
            ("target", "judge", "mean ± s.e. / p95", "of those without", "power", "relied on"),
            saved,
        )
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Found:
    """Labels used by each stream, which of them passed, and the share in which the judge was relied on."""

    n: NDArray[np.int64]
    passed: NDArray[np.bool_]
    relied: float


def passages(
    job: Job,
    judge: Callable[..., NDArray[np.float64]],
    reps: int,
    *,
    cap: int,
    reliance: float | None = None,
) -> Found:
    """Return where each stream stops; `reliance` None lets dev choose, as a run does."""
    rng = np.random.default_rng(31)
    n, passed, relied = np.full(reps, cap), np.zeros(reps, dtype=bool), 0
    for rep in range(reps):
        system = _system(job, judge, rng, reliance)
        bets = bets_for(system, job.bar)
        y = job.values((cap,), rng)
        x = y
        if isinstance(bets, PoweredBets):
            relied += 1
            pool = judge(job, job.values((cap, FRESH), rng), rng, labelled=False)
            x = bets.observations(np.column_stack([y, judge(job, y, rng, labelled=True), pool.sum(axis=1)]))
        reached = log_wealth(x, bets) >= math.log(1 / ALPHA)
        passed[rep] = reached.any()
        n[rep] = int(reached.argmax()) + 1 if passed[rep] else cap
    return Found(n=n, passed=passed, relied=relied / reps)


def _system(
    job: Job, judge: Callable[..., NDArray[np.float64]], rng: np.random.Generator, reliance: float | None
) -> SystemEstimate:
    """Return what a dev split of its own says: bets, and how far the judge is relied on."""
    y = job.values((DEV_LABELS,), rng)
    worst = -1.0 if job.bar.target is Target.NON_INFERIOR else 0.0
    padded = np.append(y, worst)
    found = SystemEstimate(
        cascade=Cascade(name="one", tiers=(Tier(model="one"),)),
        resources=Resources(),
        reached=(1.0,),
        mean=float(padded.mean()),
        variance=float(padded.var()),
        n=DEV_LABELS,
        same=1 - DIFFERS,
        rows_needed=None,
        misses=None,
    )
    dev = JudgedDev(
        labels=y,
        predictions=judge(job, y, rng, labelled=True),
        others=judge(job, job.values((DEV_LABELS * FRESH,), rng), rng, labelled=False),
        worst=worst,
    )
    if reliance is None:
        return with_judge(found, dev, job.bar, fresh=FRESH, alpha=ALPHA)
    if reliance == 0:
        return found
    mean, variance = dev.moments(reliance, FRESH)
    return SystemEstimate(
        **{**vars(found), "mean": mean, "variance": variance, "reliance": reliance, "fresh": FRESH}
    )


def _cells(found: Found, alone: Found, reps: int) -> tuple[str, ...]:
    mean, error = found.n.mean(), found.n.std() / math.sqrt(reps)
    return (
        f"{mean:.0f} ± {error:.0f} / {np.quantile(found.n, 0.95):.0f}",
        f"{mean / alone.n.mean():.0%}",
        share(int(found.passed.sum()), reps),
        f"{found.relied:.0%}",
    )
