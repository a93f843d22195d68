"""Judges that are wrong on purpose, beside people's labels: how often a system at the bar is certified.

`python -m bench.judge_errors [--reps N]` makes rows whose answers are right by chance, has a share labelled
by people, and takes the pipeline's own steps: judged rows, choice on dev, proof on certify.
"""

import argparse
import asyncio
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.proof.tables import markdown, share
from suffice.bar import Metric, QualityBar, ResourceBars, Target, Verdict
from suffice.candidate import Candidate
from suffice.certify.resources import Resources
from suffice.models import trust
from suffice.models.recorded import RecordedModel
from suffice.pipeline.choose import Choice, choose
from suffice.pipeline.judged_rows import judged_rows
from suffice.pipeline.prove import certify_rows, prove
from suffice.pipeline.rows import Rows
from suffice.pipeline.rungs.rung import Grading, Rung, grade_with
from suffice.ports import Answer, Look, Request
from suffice.readers.judge_keys import JudgeSpec, human_key
from suffice.score.fields import Estimate
from suffice.score.judge.asking import Case, Mode
from suffice.score.judge.report import Judged, report_on
from suffice.score.judge.scorer import JudgeScorer
from suffice.score.registry import scoring_of
from suffice.task import Kind, Sample, Split, Task

ALPHA, BAR, RATED = 0.05, 0.8, 0.25
DEV, CERTIFY = 240, 480
NAME = "small"

Says = Callable[[str, random.Random], str]


def honest(text: str, draw: random.Random) -> str:
    """Returns the right verdict on nine of ten answers."""
    return "correct" if ("good" in text) != (draw.random() < 0.1) else "incorrect"


def backwards(text: str, draw: random.Random) -> str:
    """Returns the wrong verdict on nine of ten answers."""
    return "incorrect" if honest(text, draw) == "correct" else "correct"


def yes(_text: str, _draw: random.Random) -> str:
    """Returns correct, always."""
    return "correct"


def coin(_text: str, draw: random.Random) -> str:
    """Returns what a coin says."""
    return draw.choice(("correct", "incorrect"))


def first(_text: str, _draw: random.Random) -> str:
    """Returns A, always."""
    return "A"


def longer(text: str, _draw: random.Random) -> str:
    """Returns the longer answer's place."""
    one, other = _answers(text)
    return "A" if len(one) > len(other) else "B"


def own(text: str, _draw: random.Random) -> str:
    """Returns the place of the answer that sounds like itself, which is the candidate's."""
    return "A" if "verily" in _answers(text)[0] else "B"


def flattering(text: str, draw: random.Random) -> str:
    """Returns correct for what is right, and for two thirds of what is wrong."""
    return "correct" if "good" in text or draw.random() < 2 / 3 else "incorrect"


JUDGES: dict[str, tuple[Mode, Says]] = {
    "right on 90%": (Mode.GRADE, honest),
    "wrong on 90%": (Mode.GRADE, backwards),
    "always yes": (Mode.GRADE, yes),
    "a coin": (Mode.GRADE, coin),
    "flattering: two thirds of the errors pass": (Mode.GRADE, flattering),
    "always the first": (Mode.COMPARE, first),
    "always the longer": (Mode.COMPARE, longer),
    "always its own": (Mode.COMPARE, own),
}


def _answers(text: str) -> list[str]:
    return re.findall(r"^==\w+== answer [AB]\n(.*)$", text, re.MULTILINE)


@dataclass(kw_only=True)
class Ruled:
    """A judge that follows a rule."""

    says: Says
    draw: random.Random
    name: str = "ruled"
    simulated: bool = False

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns what the rule says of each."""
        return [Answer(text=self.says(request.text, self.draw)) for request in requests]

    async def close(self) -> None:
        """Holds nothing open."""


class Unlimited:
    """An account of looks in which every look is the first."""

    def open_look(self, rows: Sequence[str], *, what: str, alpha_of: Callable[[int], float]) -> Look:
        """Returns the first look."""
        del rows, what
        return Look(number=1, alpha=alpha_of(1))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Whether a run certified the system, whether it relied on the judge, and what dev shows of the judge."""

    is_certified: bool
    is_relied_on: bool
    judged: tuple[Judged, ...]


def sample(key: str, draw: random.Random, *, right: float) -> Sample:
    """Returns a row: the candidate's answer, right at a rate, a truth, and people's label of some."""
    is_right = draw.random() < right
    said = f"verily {'good' if is_right else 'bad'}{' and' * draw.randrange(10)} {key}"
    labels = {human_key(NAME): str(int(is_right))} if draw.random() < RATED else {}
    other = f"what is wanted{' so' * draw.randrange(12)} {key}"
    return Sample(key=key, text=f"request {key}", target=other, recorded={NAME: said, **labels})


def run(mode: Mode, says: Says, *, seed: int, right: float = BAR, is_reported: bool = True) -> Outcome:
    """Returns what becomes of a system that is right at a rate, judged by a rule."""
    draw = random.Random(seed)
    dev = tuple(sample(f"d{at}", draw, right=right) for at in range(DEV))
    certify = tuple(sample(f"c{at}", draw, right=right) for at in range(CERTIFY))
    judge = JudgeSpec(artefact="ruled", mode=mode.value, human={NAME: "label"})
    seen, _ = judged_rows(_rows(dev, certify), judge, has_reference=False)
    scorer = JudgeScorer(Ruled(says=says, draw=draw), mode=mode)
    bar = QualityBar(metric=Metric.JUDGE, target=Target.ABSOLUTE, at_least=BAR)
    task = Task(
        name="made", kind=Kind.GENERATE, labels=(), quality=bar, resources=ResourceBars(), alpha=ALPHA
    )
    rung = Rung(
        candidate=Candidate(name=NAME, kind="recorded"),
        model=RecordedModel.from_samples(NAME, [*dev, *certify]),
        fingerprint=NAME,
        folder=Path(),
        resources=Resources(cost_usd_per_1k=1.0),
        measurements=(),
    )
    with asyncio.Runner() as runner:
        scoring = scoring_of(bar, Kind.GENERATE, judge=scorer)
        grading = Grading(
            grade=grade_with(scoring.worth, runner),
            same=grade_with(scoring.same, runner),
            rule=trust.DEFAULT,
            runner=runner,
        )
        rows = certify_rows(seen.splits[Split.CERTIFY], task, seed=seed)
        choice = choose(
            [rung], seen.splits[Split.DEV], task=task, grading=grading, reference=None, certify=rows
        )
        proof = prove(choice, [rung], rows, task=task, grading=grading, looks=Unlimited())
        judged = _judged(choice, scorer, runner, dev) if is_reported else ()
    tests = proof.result.tests
    return Outcome(
        is_certified=any(test.verdict is Verdict.PASS for test in tests),
        is_relied_on=any(test.system.reliance > 0 for test in tests),
        judged=judged,
    )


def _rows(dev: tuple[Sample, ...], certify: tuple[Sample, ...]) -> Rows:
    return Rows(
        splits={Split.TRAIN: (), Split.DEV: dev, Split.CERTIFY: certify},
        labels=(),
        targets_are_reference=False,
        total=len(dev) + len(certify),
        labelled_share=1.0,
        imbalance=None,
        findings=(),
        fingerprints={},
        kind=Kind.GENERATE,
    )


def _judged(
    choice: Choice, scorer: JudgeScorer, runner: asyncio.Runner, dev: Sequence[Sample]
) -> tuple[Judged, ...]:
    said = {row.key: str(row.recorded[NAME]) for row in dev}
    cases = [Case.of_wish(row.judge) for row in choice.rows]  # type: ignore[arg-type]
    answers = [said[row.key] for row in choice.rows]
    given = runner.run(scorer.judge(cases, answers))
    return tuple(
        Judged(
            row=row.key,
            candidate=NAME,
            judgement=judgement,
            human=_rating(row.target, answer),
            length=len(answer) - (len(case.beside) if scorer.mode is Mode.COMPARE else 0),
        )
        for row, case, answer, judgement in zip(choice.rows, cases, answers, given, strict=True)
    )


def _rating(target: Any, answer: str) -> float | None:
    """Returns what people said of an answer; None where nobody was asked."""
    return None if target is None else float(target["ratings"][answer])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reps", type=int, default=150)
    reps = parser.parse_args().reps
    lines = []
    for name, (mode, says) in JUDGES.items():
        outcomes = [run(mode, says, seed=seed, is_reported=seed == 0) for seed in range(reps)]
        found = report_on(outcomes[0].judged)
        shown = [
            _words(estimate)
            for estimate in (
                found.kappa, found.specificity, found.first, found.length, dict(found.leniency)[NAME]
            )
        ]  # fmt: skip
        certified = sum(outcome.is_certified for outcome in outcomes)
        relied = sum(outcome.is_relied_on for outcome in outcomes)
        lines.append((name, mode.value, share(certified, reps), f"{relied / reps:.0%}", *shown))
    title = (
        f"A system exactly at the bar of {BAR:.0%}, {RATED:.0%} of {CERTIFY} certify rows labelled by people "
        f"(alpha of the first look {0.8 * ALPHA:.0%}, {reps} runs); the report, with 95% intervals, is the "
        "first run's"
    )
    header = (
        "judge", "mode", "certified wrongly", "relied on", "kappa", "specificity", "for the first", "length",
        "leniency",
    )  # fmt: skip
    print(markdown(title, header, lines))


def _words(found: Estimate) -> str:
    if found.value is None:
        return "not measured"
    ends = found.interval
    between = "" if ends is None else f" ({ends.lower:.2f} to {ends.upper:.2f})"
    return f"{found.value:.2f}{between}, n {found.n}"


if __name__ == "__main__":
    main()
