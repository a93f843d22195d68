"""The main job: from a task file to a certified smallest model, a signed certificate and a report."""

import asyncio
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from suffice import files
from suffice.candidate import Ladder
from suffice.certify.evidence import FILE as EVIDENCE
from suffice.certify.statement import BUNDLE
from suffice.clock import Clock, SystemClock
from suffice.errors import SpecError
from suffice.ledger.alone import alone
from suffice.ledger.home import home
from suffice.ledger.looks import LookBook
from suffice.ledger.store import RunStore
from suffice.measure import price_book
from suffice.measure.environment import describe
from suffice.measurement import Measurement
from suffice.models import trust
from suffice.models.http.spend import SpendAccount
from suffice.pipeline.choose import Choice, choose
from suffice.pipeline.climb import climb
from suffice.pipeline.issue import issue
from suffice.pipeline.judged_rows import judged_rows
from suffice.pipeline.prepare import prepare_step
from suffice.pipeline.prove import certify_rows, prove
from suffice.pipeline.rows import Rows, read_rows
from suffice.pipeline.rungs import ladder as ladders
from suffice.pipeline.rungs.agreement_rungs import agreement_rungs, split_agreements
from suffice.pipeline.rungs.alarm_rungs import alarm_notes, alarm_rungs
from suffice.pipeline.rungs.gated_rungs import gate_notes, gated_rungs
from suffice.pipeline.rungs.judge_family import check_bytes, check_family
from suffice.pipeline.rungs.judging import Judging, open_judging
from suffice.pipeline.rungs.measure_served import served_measurements
from suffice.pipeline.rungs.open_rungs import Workbench, open_rungs
from suffice.pipeline.rungs.prompted_notes import prompted_notes
from suffice.pipeline.rungs.reference import Reference, open_reference
from suffice.pipeline.rungs.rung import Grading, Rung, grade_with
from suffice.pipeline.step import LocalExecutor
from suffice.pipeline.tell.facts import facts_of
from suffice.pipeline.tell.findings import Findings
from suffice.ports import Progress
from suffice.readers.spec import Spec
from suffice.readers.task_file import read_spec
from suffice.report import page
from suffice.report.facts import Facts, to_json
from suffice.report.words import with_words
from suffice.score.registry import form_settings, scoring_notes, scoring_of
from suffice.task import Split, Task

WORK = "work"
_SEEDS = 1 << 32


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What a run is told beside the task.

    `max_usd` caps what paid models may cost. `quick` leaves out rungs that take minutes to train.
    `account` is the file of the error-budget account (the user's own where None).
    """

    seed: int = 0
    offline: bool = False
    max_usd: float | None = None
    quick: bool = False
    account: Path | None = None
    prices: Path | None = None
    machine: str = price_book.DEFAULT_MACHINE
    clock: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        """Refuses a seed that generators of random numbers do not take."""
        if not 0 <= self.seed < _SEEDS:
            raise SpecError(
                f"the seed is {self.seed}; it is a whole number from 0 to {_SEEDS - 1:,}",
                hint="give e.g. --seed 0",
            )


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """What a run found, and the folder that holds it."""

    facts: Facts
    folder: Path


def run_task(
    task_file: Path, *, out: Path | None = None, settings: RunSettings, progress: Progress
) -> RunOutcome:
    """Returns the outcome of the whole job; finished steps of an earlier, killed run are not redone.

    Raises:
        SufficeError: the task file, the data, the set-up or the disk do not allow it; see its hint.
    """
    spec = read_spec(task_file)
    folder = out if out is not None else Path("runs") / _folder_name(spec.name)
    account = settings.account if settings.account is not None else home() / "ledger.sqlite"
    with (
        alone(folder / WORK),
        contextlib.closing(RunStore(folder / WORK)) as store,
        contextlib.closing(LookBook(account, clock=settings.clock)) as looks,
        asyncio.Runner() as runner,
        contextlib.ExitStack() as closing,
    ):
        bench = _workbench(spec, settings, store=store, runner=runner, closing=closing, progress=progress)
        findings = _find(spec, bench, looks, settings=settings)
        command = f"suffice run {task_file} --out {folder} --seed {settings.seed}"
        findings = replace(findings, command=command)
        if findings.proof is not None:
            files.write_bytes(folder / EVIDENCE, findings.proof.evidence)
        issued = issue(findings, folder=folder, keys=home() / "keys")
        served: tuple[Measurement, ...] = ()
        if issued is not None:
            served = served_measurements(findings, folder / BUNDLE, store, runner=runner, progress=progress)
        facts = with_words(facts_of(findings, issued, served))
        files.write_json(folder / "report.json", to_json(facts))
        page.write(facts, folder / "report.html")
    return RunOutcome(facts=facts, folder=folder)


def _folder_name(name: str) -> str:
    """Returns a task's name as one folder's name: whatever it holds, it stays below `runs`."""
    return re.sub(r"[^\w.-]+", "-", name).strip(".-") or "task"


def _workbench(
    spec: Spec,
    settings: RunSettings,
    *,
    store: RunStore,
    runner: asyncio.Runner,
    closing: contextlib.ExitStack,
    progress: Progress,
) -> Workbench:
    executor = LocalExecutor(store, progress=progress)
    prepared = prepare_step(spec, offline=settings.offline)
    return Workbench(
        rows=read_rows(executor.folder_of(prepared)),
        prepared=prepared,
        executor=executor,
        store=store,
        runner=runner,
        progress=progress,
        environment=describe(threads=1),
        machine=price_book.load(settings.prices).machine(settings.machine),
        account=SpendAccount(cap_usd=settings.max_usd),
        offline=settings.offline,
        seed=settings.seed,
        closing=closing,
    )


def _find(spec: Spec, bench: Workbench, looks: LookBook, *, settings: RunSettings) -> Findings:
    """Climbs on dev, then looks at the certify rows once."""
    judging, reference, rows, asked_notes = _asked(spec, bench)
    bench = replace(bench, rows=rows)
    task = _task(spec, rows)
    grading = _grading(task, bench, judging)
    seen, row_notes = _seen(spec, rows)
    by_judge = judging is not None and judging.is_alone
    certify = certify_rows(seen.splits[Split.CERTIFY], task, seed=settings.seed, by_judge=by_judge)

    def chosen_from(rungs: Sequence[Rung]) -> Choice:
        return choose(
            rungs,
            seen.splits[Split.DEV],
            task=task,
            grading=grading,
            reference=None if reference is None else reference.resources,
            certify=certify,
        )

    def opened(ladder: Ladder, known: Ladder) -> list[Rung]:
        plain, agreements = split_agreements(ladder)
        rungs = alarm_rungs(open_rungs(plain, known, bench), spec, bench)
        if judging is not None:
            check_bytes(judging, rungs)
        form = form_settings(task.quality, task.kind)
        judged = replace(bench, rows=seen)
        agreed = agreement_rungs(agreements, rungs, judged, grade=grading.grade, form=form)
        return [*gated_rungs(rungs, spec, bench, grade=grading.grade), *agreed]

    rungs, choice, notes = climb(ladders.of_spec(spec), opened, chosen_from, quick=settings.quick)
    proof = None
    # Where no system keeps the limits on resources, no certify row is looked at.
    if choice.path.systems:
        proof = prove(choice, rungs, certify, task=task, grading=grading, looks=looks)
    return Findings(
        task=task,
        spec=spec,
        rows=rows,
        rungs=tuple(rungs),
        reference=reference,
        choice=choice,
        proof=proof,
        grading=grading,
        judging=judging,
        machine=bench.machine,
        environment=bench.environment,
        seed=settings.seed,
        notes=(
            *asked_notes,
            *notes,
            *row_notes,
            *scoring_notes(task.quality),
            *alarm_notes(rungs),
            *gate_notes(rungs),
            *prompted_notes(rungs),
        ),
        command="",
        now=settings.clock.now().isoformat(timespec="seconds"),
    )


def _task(spec: Spec, rows: Rows) -> Task:
    return Task(
        name=spec.name,
        kind=spec.kind,
        labels=rows.labels,
        quality=spec.quality_bar,
        resources=spec.resource_bars,
        alpha=spec.alpha,
        minimise=spec.minimise,
        schema=rows.schema,
        instruction=rows.instruction,
    )


def _asked(spec: Spec, bench: Workbench) -> tuple[Judging | None, Reference | None, Rows, tuple[str, ...]]:
    """Returns judge and reference, the rows with its answers, and notes; all costs are held first."""
    judging = open_judging(spec, bench)
    notes = () if judging is None else check_family(spec, judging)
    with contextlib.nullcontext() if judging is None else judging.holding():
        reference, rows = open_reference(spec, bench)
    return judging, reference, rows, (*(() if reference is None else reference.notes), *notes)


def _seen(spec: Spec, rows: Rows) -> tuple[Rows, tuple[str, ...]]:
    """Returns the rows as the proof sees them, and notes: a judged task's truths are people's labels."""
    if spec.judge is None or not spec.judge.is_model:
        return rows, ()
    return judged_rows(rows, spec.judge, has_reference=spec.reference is not None)


def _grading(task: Task, bench: Workbench, judging: Judging | None) -> Grading:
    judge = None if judging is None else judging.scorer
    scoring = scoring_of(task.quality, task.kind, judge=judge)
    of_reference = None
    if judge is not None:
        against = scoring_of(task.quality, task.kind, judge=judge.towards_candidates())
        of_reference = grade_with(against.worth, bench.runner)
    return Grading(
        grade=grade_with(scoring.worth, bench.runner),
        same=grade_with(scoring.same, bench.runner),
        rule=trust.DEFAULT,
        runner=bench.runner,
        of_reference=of_reference,
        judge="" if judging is None else judging.identity,
    )
