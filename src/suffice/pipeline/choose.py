"""Choices made on dev: which systems there are, and which of them are worth testing in which order."""

from collections.abc import Sequence
from dataclasses import dataclass

from suffice.bar import Target
from suffice.certify.certify_rows import CertifyRows
from suffice.certify.estimates import DevView, SystemEstimate, estimate, possible_systems
from suffice.certify.graded import grade_reference
from suffice.certify.judged import estimate_with_judge
from suffice.certify.path import Path, frontier_path
from suffice.certify.resources import Resources, uses_reference
from suffice.certify.systems import Graders
from suffice.errors import DataError, SpecError
from suffice.pipeline.rungs.rung import Grading, Rung
from suffice.stats.budget import look_alpha
from suffice.task import Sample, Task


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What dev shows: every system with its estimate, and the path to be tested."""

    estimates: tuple[SystemEstimate, ...]
    path: Path
    graders: Graders
    rows: tuple[Sample, ...]

    @property
    def expects_a_local_system(self) -> bool:
        """Says whether dev expects a system without the reference behind it to be certified."""
        return any(
            system.rows_needed is not None and not uses_reference(system.cascade)
            for system in self.path.systems
        )


def graders_over(rungs: Sequence[Rung], rows: Sequence[Sample], grading: Grading) -> Graders:
    """Returns every rung graded over rows, and the reference's worth where the rows have its answers."""
    has_reference = any(row.reference is not None for row in rows)
    of_reference = grading.of_reference or grading.grade
    return Graders(
        models={rung.name: grading.over(rung.model, rows) for rung in rungs},
        reference=grade_reference(rows, of_reference) if has_reference else None,
        reference_judged=grade_reference(rows, of_reference, by_judge=True) if has_reference else None,
    )


def choose(
    rungs: Sequence[Rung],
    dev: Sequence[Sample],
    *,
    task: Task,
    grading: Grading,
    reference: Resources | None,
    certify: CertifyRows,
) -> Choice:
    """Returns the systems and the path, chosen on dev.

    `reference` is what the reference takes, None where escalating to it is no option. Of the certify
    rows only their number counts here.

    Raises:
        DataError: no dev row tells anything about the bar.
    """
    fresh, alpha = certify.fresh, look_alpha(task.alpha, 1)
    rows = _informative(dev, task.quality.target, judged=fresh > 0)
    if not rows:
        raise DataError(
            f"none of the {len(dev):,} dev rows can be used for target {task.quality.target.value!r}",
            hint="give more rows; where the target compares with the reference, rows that have its answer",
        )
    graders = graders_over(rungs, rows, grading)
    parts = {rung.name: rung.resources for rung in rungs}
    if reference is not None:
        parts["reference"] = reference
    view = DevView(graders=graders, rows=rows, parts=parts, task=task)
    by_cost = sorted(rungs, key=lambda rung: _price(rung.resources, task.minimise))
    systems = possible_systems(
        [rung.name for rung in by_cost],
        graders,
        len(rows),
        reference=reference is not None,
        metric=task.quality.metric,
    )
    if fresh:
        estimates = tuple(estimate_with_judge(system, view, fresh=fresh, alpha=alpha) for system in systems)
    else:
        estimates = tuple(estimate(system, view, alpha=alpha) for system in systems)
    path = frontier_path(estimates, minimise=task.minimise, rows=certify.tested)
    if not path.systems and all(e.misses is None for e in estimates):
        raise SpecError(
            f"no candidate can be ranked: its {task.minimise} was not measured",
            hint="give the candidates prices, or minimise what is known of them, e.g. `minimise: bytes`",
        )
    return Choice(estimates=estimates, path=path, graders=graders, rows=tuple(rows))


def _informative(dev: Sequence[Sample], target: Target, *, judged: bool) -> list[Sample]:
    """Returns the dev rows on which the target's variable is known whatever a system answers.

    Where a judge takes part, the rows without a truth come after them.
    """
    needs_reference = target is not Target.ABSOLUTE
    needs_truth = target is not Target.AGREEMENT
    rows = [row for row in dev if not needs_reference or row.reference is not None]
    known = [row for row in rows if not needs_truth or row.target is not None]
    if judged and known:
        return [*known, *(row for row in rows if row.target is None)]
    return known or rows


def _price(resources: Resources, minimise: str) -> float:
    price = resources.minimised(minimise)
    return float("inf") if price is None else price
