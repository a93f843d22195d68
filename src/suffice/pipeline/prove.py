"""The look: error budget is booked first, then the path is tested on the certify rows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from suffice import fingerprint
from suffice.certify import evidence
from suffice.certify.certify_rows import CertifyRows, usable_rows
from suffice.certify.estimates import SystemEstimate
from suffice.certify.rate_search import rate_search
from suffice.certify.search import search
from suffice.certify.search_result import SearchResult
from suffice.certify.systems import Graders
from suffice.errors import DataError
from suffice.pipeline.choose import Choice, graders_over
from suffice.pipeline.rungs.rung import Grading, Rung
from suffice.ports import Look, LookAccount
from suffice.stats.budget import look_alpha
from suffice.task import Sample, Task

# Where a look's whole budget is smaller than this, no amount of rows of this split will do.
_SPENT_BELOW = 1e-5


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What the look showed, and everything needed to compute it again."""

    look: Look
    rows: CertifyRows
    graders: Graders
    result: SearchResult
    evidence: bytes


def certify_rows(samples: Sequence[Sample], task: Task, *, seed: int, by_judge: bool = False) -> CertifyRows:
    """Returns the certify rows the target can use, in an order drawn from the seed and the keys alone.

    `by_judge`: what stands in the truth's place is a judge's word.
    """
    rows = usable_rows(
        samples,
        task.quality.target,
        order_of=lambda sample: fingerprint.of_text(f"{seed}:{sample.key}"),
    )
    return replace(rows, by_judge=by_judge)


def prove(
    choice: Choice,
    rungs: Sequence[Rung],
    rows: CertifyRows,
    *,
    task: Task,
    grading: Grading,
    looks: LookAccount,
) -> Proof:
    """Returns the outcome of testing the chosen path.

    Raises:
        DataError: no row can take part in the test, or the rows' error budget is spent.
    """
    if not rows.rows:
        raise DataError(
            f"no certify row can be used for target {task.quality.target.value!r}",
            hint="absolute and non_inferior need rows with a truth; the latter and agreement need "
            "the reference's answers beside them",
        )
    if task.quality.fixed_n and rows.two_stage:
        raise DataError(
            "fewer than half of the certify rows have a truth, and `test: fixed_n` needs it on all",
            hint="label more rows, give the labelled ones as data.certify, or remove `test: fixed_n`",
        )
    if not any(system.reliance for system in choice.path.systems):
        rows = rows.without_judge()
    keys = [row.key for row in rows.rows]
    look = looks.open_look(
        keys,
        what=_what(choice, rungs, rows, task=task, grading=grading),
        alpha_of=lambda number: look_alpha(task.alpha, number),
    )
    if look.alpha < _SPENT_BELOW:
        raise DataError(
            f"these certify rows were looked at {look.number - 1} times: their error budget is spent",
            hint="add rows that no earlier run has seen (at best as a certify file of their own)",
        )
    graders = graders_over(rungs, rows.rows, grading)
    if task.quality.metric.is_mean and not task.quality.fixed_n:
        paid = {rung.name for rung in rungs if rung.candidate.kind == "openai"}
        prices = [_call_price(system, paid, stride=rows.stride) for system in choice.path.systems]
        result = search(
            choice.path.systems, graders, rows, bar=task.quality, alpha=look.alpha, call_prices=prices
        )
    else:
        result = rate_search(
            choice.path.systems, graders, rows, bar=task.quality, labels=task.labels, alpha=look.alpha
        )
    written = _written(evidence.as_json(result, keys))
    return Proof(look=look, rows=rows, graders=graders, result=result, evidence=written)


def _call_price(system: SystemEstimate, paid: set[str], *, stride: int) -> float:
    """Returns what one more value of a system's test costs now; only endpoints are paid by the call."""
    if not paid & set(system.cascade.local_models):
        return 0.0
    return stride * (system.resources.cost_usd_per_1k or 0.0) / 1e3


def _what(choice: Choice, rungs: Sequence[Rung], rows: CertifyRows, *, task: Task, grading: Grading) -> str:
    """Returns the identity of a look: a repetition of the very same test spends nothing again."""
    cascades = tuple(system.cascade for system in choice.path.systems)
    models = {rung.name: rung.fingerprint for rung in rungs}
    keys = tuple(row.key for row in rows.rows)
    test: tuple[object, ...] = (task.quality, task.alpha, cascades, grading.rule, models, keys)
    if rows.fresh:
        # Another judge, or the same relied on otherwise, is another test.
        reliances = tuple(system.reliance for system in choice.path.systems)
        test += (rows.fresh, reliances, tuple(row.judge for row in rows.rows))
    if grading.judge and (rows.fresh or rows.by_judge):
        test += (grading.judge,)
    return fingerprint.of_value(test)


def _written(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, separators=(",", ":"), allow_nan=False) + "\n").encode()
