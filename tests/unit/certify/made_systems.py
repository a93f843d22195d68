"""Made rows and models with set rates of being right, graded as real ones are."""

import numpy as np

from suffice.bar import QualityBar, ResourceBars, Target
from suffice.cascade import Cascade, Tier
from suffice.certify.certify_rows import usable_rows
from suffice.certify.estimates import SystemEstimate
from suffice.certify.graded import GradedModel, grade_reference
from suffice.certify.resources import Resources
from suffice.certify.systems import Graders
from suffice.ports import Answer
from suffice.task import Kind, Sample, Task

NON_INFERIOR = QualityBar(target=Target.NON_INFERIOR, margin=0.05)


def grade(wanted, answers):
    """Right or wrong, NaN where nothing is wanted."""
    return np.array([np.nan if w is None else float(w == a) for w, a in zip(wanted, answers, strict=True)])


def made_rows(n, *, reference_right, seed, unlabelled=0.0):
    """Rows whose truth is always "yes"; the reference says so at the given rate."""
    draw = np.random.default_rng(seed)
    right, missing = draw.random(n) < reference_right, draw.random(n) < unlabelled
    return [
        Sample(
            key=f"{seed}-{i}",
            text=str(i),
            target=None if missing[i] else "yes",
            reference="yes" if right[i] else "no",
        )
        for i in range(n)
    ]


def made_model(name, rows, *, right, seed, informed=True):
    """A model right at the given rate; where informed, its trust is higher on what it gets right."""
    draw = np.random.default_rng(seed)
    hits = dict(zip([row.key for row in rows], draw.random(len(rows)) < right, strict=True))
    noise = dict(zip(hits, draw.random(len(rows)), strict=True))

    def ask(samples):
        return [
            Answer(
                text="yes" if hits[s.key] else "wrong",
                confidence=0.5 * noise[s.key] + (0.5 if informed and hits[s.key] else 0.0),
            )
            for s in samples
        ]

    return GradedModel(name, rows, ask=ask, grade=grade, trust=lambda answer: answer.confidence or 0.0)


def graders(rows, models):
    """Graders over rows, with the reference's worth."""
    return Graders(models={m.name: m for m in models}, reference=grade_reference(rows, grade))


def single(name, *, cost=1.0, mean=0.0, same=0.8, n=400):
    """The dev estimate of a single model."""
    return SystemEstimate(
        cascade=Cascade(name=name, tiers=(Tier(model=name),)),
        resources=Resources(cost_usd_per_1k=cost),
        reached=(1.0,),
        mean=mean,
        variance=1 - same,
        n=n,
        same=same,
        rows_needed=100.0,
        misses=None,
    )


def in_order(samples, bar):
    """The rows a bar's test can use, in the order of their keys."""
    return usable_rows(samples, bar.target, order_of=lambda sample: sample.key)


def task(bar, **limits):
    """A task with a bar."""
    return Task(
        name="made", kind=Kind.CLASSIFY, labels=("no", "yes"), quality=bar, resources=ResourceBars(**limits)
    )
