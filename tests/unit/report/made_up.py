"""A made-up run with every part filled in; nothing in it was measured."""

import dataclasses
import math

from suffice.bar import Target, Verdict
from suffice.measurement import Environment
from suffice.report.facts import (
    BarFacts,
    CalibrationBin,
    CalibrationFacts,
    CandidateFacts,
    ChosenFacts,
    ConfusionFacts,
    ConfusionMatrix,
    CostFacts,
    DataFacts,
    EscalationFacts,
    EvidenceFacts,
    Facts,
    InspectedFacts,
    LatencyFacts,
    PathPoint,
    ProofFacts,
    QualityFacts,
    ReferenceFacts,
    ServedFile,
    SliceFacts,
    TaskFacts,
    TestFacts,
)

NO_COUNTER = "this machine shows no energy counter"


def quality(estimate: float, lower: float, upper: float, *, n: int = 600) -> QualityFacts:
    """Returns a quality on the dev split."""
    return QualityFacts(estimate=estimate, lower=lower, upper=upper, n=n, split="dev")


def wandering(end: int, e_value: float) -> tuple[PathPoint, ...]:
    """Returns a path of evidence that grows in waves up to `e_value` after `end` rows."""
    ns = range(0, end + 1, 8)
    shares = [n / end + 0.12 * math.sin(math.pi * n / end) * math.sin(n / 11) for n in ns]
    return tuple(PathPoint(n=n, e_value=e_value**share) for n, share in zip(ns, shares, strict=True))


CANDIDATES = (
    CandidateFacts(
        name="linear",
        kind="linear",
        bytes=412_160,
        verdict=Verdict.NOT_TESTED,
        why="on dev its interval ends 3.1 points below the bar; no error budget was spent on it",
        quality=quality(0.861, 0.831, 0.887),
        latency_ms=LatencyFacts(p50=0.071, p95=0.094, n=500),
        memory_bytes=92_274_688,
        cost_usd_per_1k=0.0000031,
        why_unmeasured={"energy_j": NO_COUNTER},
    ),
    CandidateFacts(
        name="linear-distilled",
        kind="linear",
        bytes=418_304,
        verdict=Verdict.INCONCLUSIVE,
        why="the evidence reached 6.2 of the 20 needed when the certify rows were used up",
        quality=quality(0.902, 0.875, 0.924),
        latency_ms=LatencyFacts(p50=0.070, p95=0.096, n=500),
        memory_bytes=92_536_832,
        cost_usd_per_1k=0.0000031,
        why_unmeasured={"energy_j": NO_COUNTER},
    ),
    CandidateFacts(
        name="minilm-head",
        kind="encoder",
        bytes=22_972_611,
        verdict=Verdict.PASS,
        why="the smallest whose evidence reached the threshold",
        quality=quality(0.934, 0.911, 0.952),
        latency_ms=LatencyFacts(p50=4.21, p95=5.87, n=500),
        memory_bytes=187_695_104,
        cost_usd_per_1k=0.00021,
        why_unmeasured={"energy_j": NO_COUNTER},
    ),
    CandidateFacts(
        name="linear, else reference",
        kind="cascade",
        bytes=412_160,
        verdict=Verdict.PASS,
        why="it met the bar, but costs more than minilm-head: 23% of requests are passed up",
        quality=quality(0.941, 0.919, 0.957),
        latency_ms=LatencyFacts(p50=0.082, p95=612.0, n=500),
        memory_bytes=92_274_688,
        cost_usd_per_1k=0.0713,
        why_unmeasured={"energy_j": "the reference's energy is not known"},
    ),
    CandidateFacts(
        name="minilm-tuned",
        kind="encoder",
        bytes=None,
        verdict=Verdict.NOT_TESTED,
        why="not made: the extra `train` is not installed",
        why_unmeasured=dict.fromkeys(
            ("bytes", "quality", "latency_ms", "memory_bytes", "cost_usd_per_1k", "energy_j"),
            "the model was not made",
        ),
    ),
)

CONFUSIONS = (
    ConfusionFacts(wanted="refund_status", answered="refund_request", count=7, of=31),
    ConfusionFacts(wanted="card_lost", answered="card_stolen", count=5, of=24),
    ConfusionFacts(wanted="invoice_copy", answered="invoice_wrong", count=4, of=22),
    ConfusionFacts(wanted="out_of_scope", answered="complaint", count=3, of=40),
    ConfusionFacts(wanted="change_address", answered="change_email", count=2, of=27),
    ConfusionFacts(wanted="login_problem", answered="password_reset", count=2, of=33),
)

BINS = tuple(
    CalibrationBin(confidence=c, accuracy=a, n=n)
    for c, a, n in (
        (0.34, 0.42, 12),
        (0.46, 0.44, 18),
        (0.55, 0.59, 22),
        (0.66, 0.69, 36),
        (0.75, 0.80, 51),
        (0.86, 0.85, 92),
        (0.96, 0.982, 369),
    )
)

TESTS = (
    TestFacts(
        name="minilm-head", alpha=0.05, e_value=23.7, n=288, labels=61, calls=576, verdict=Verdict.PASS,
        path=wandering(288, 23.7),
    ),
    TestFacts(
        name="linear-distilled", alpha=0.05, e_value=6.2, n=400, labels=97, calls=800,
        verdict=Verdict.INCONCLUSIVE,
        path=wandering(400, 6.2),
    ),
)  # fmt: skip

FACTS = Facts(
    verdict=Verdict.PASS,
    chosen=ChosenFacts(name="minilm-head", kind="encoder", bytes=22_972_611, fingerprint="9f2c" * 16),
    target=Target.NON_INFERIOR,
    alpha=0.05,
    evidence=EvidenceFacts(n=288, labels=61, calls=576, e_value=23.7, bound_n=251.0, ratio=1.147),
    candidates=CANDIDATES,
    certificate="certificate.json",
    report="report.html",
    task=TaskFacts(
        name="support-intents",
        kind="classify",
        metric="accuracy",
        target_text="accuracy at most 2 points below imaginary-large's",
        threshold=0.02,
        bars=(
            BarFacts(name="latency_p95_ms", limit=50, measured=5.87, is_met=True),
            BarFacts(name="memory_mb", limit=512, measured=187.7, is_met=True),
            BarFacts(name="cost_usd_per_1k", limit=0.05, measured=0.00021, is_met=True),
            BarFacts(name="energy_j", limit=0.5, why=NO_COUNTER),
        ),
    ),
    data=DataFacts(
        rows=2400, train=1400, dev=600, certify=400, labelled_share=0.62, labels=24, imbalance=6.4,
        findings=(
            "31 rows are near-duplicates of another and were kept on one side of the split",
            "4 texts carry two different labels: rows 118, 530, 1204 and 2001",
        ),
    ),
    reference=ReferenceFacts(
        name="imaginary-large", mode="recorded", quality=quality(0.937, 0.915, 0.954),
        latency_ms=LatencyFacts(p50=604, p95=911, n=600), cost_usd_per_1k=0.31,
    ),
    proof=ProofFacts(
        statement=(
            "With probability at least 95% the accuracy of minilm-head on requests like the certify rows "
            "is at most 2 points below imaginary-large's."
        ),
        order="descending", alpha_spent=0.05, look=1,
        distribution_note="It holds for requests like the 400 certify rows; watch for drift.",
        files=(
            ServedFile(path="model.safetensors", sha256="ab12" * 16, bytes=92_160),
            ServedFile(path="encoder/model.onnx", sha256="cd34" * 16, bytes=22_880_451),
        ),
        key="ed25519:7d11", issued_at="2026-11-22T01:00:00+00:00",
    ),
    tests=TESTS,
    inspected=InspectedFacts(model="minilm-head", split="dev", n=600),
    confusions=CONFUSIONS,
    slices=(
        SliceFacts(name="label: refund_status", n=31, estimate=0.742, lower=0.554, upper=0.881),
        SliceFacts(name="label: card_lost", n=24, estimate=0.792, lower=0.578, upper=0.929),
        SliceFacts(name="longest fifth of texts", n=120, estimate=0.867, lower=0.793, upper=0.922),
    ),
    calibration=CalibrationFacts(bins=BINS, ece=0.0214),
    cost=CostFacts(
        today_usd_per_1k=0.31, chosen_usd_per_1k=0.00021, fixed_usd_per_month=20.0,
        break_even_requests_per_month=64_560,
        assumptions=(
            "reference: 2.50 $ a million input tokens, 10.00 $ a million output tokens",
            "machine: 20.00 $ a month, bought for this job alone",
        ),
    ),
    escalation=EscalationFacts(rate=0.23, lower=0.197, upper=0.266, n=600),
    environment=Environment(
        machine="x86_64, a made-up laptop", cores=2, memory_bytes=8_321_499_136, system="Linux 6.1",
        python="3.11.2", versions=(("numpy", "2.3.5"), ("onnxruntime", "1.23.2")), threads=1, simulated=True,
    ),
    seed=7,
    next_step="Serve it: suffice serve runs/support-intents",
    notes=("Made-up numbers for the tests of the report.",),
    command="suffice run task.yaml --out runs/support-intents --seed 7",
    generated_at="2026-11-22T01:00:00+00:00",
    simulated=True,
)  # fmt: skip

_LABELS = tuple(sorted({pair.wanted for pair in CONFUSIONS} | {pair.answered for pair in CONFUSIONS}))


def _count(wanted: str, answered: str) -> int:
    if wanted == answered:
        return 20 + len(wanted)
    return next((c.count for c in CONFUSIONS if (c.wanted, c.answered) == (wanted, answered)), 0)


FEW_LABELS = dataclasses.replace(
    FACTS,
    confusion_matrix=ConfusionMatrix(
        wanted=_LABELS,
        answered=_LABELS,
        counts=tuple(tuple(_count(wanted, answered) for answered in _LABELS) for wanted in _LABELS),
    ),
)

INCONCLUSIVE = dataclasses.replace(
    FACTS,
    verdict=Verdict.INCONCLUSIVE,
    chosen=None,
    certificate=None,
    proof=None,
    candidates=CANDIDATES[:2],
    tests=TESTS[1:],
    evidence=EvidenceFacts(
        n=400, labels=97, calls=800, e_value=6.2, why_unmeasured={"bound_n": "nothing was decided"}
    ),
    inspected=InspectedFacts(model="linear-distilled", split="dev", n=600),
    cost=CostFacts(today_usd_per_1k=0.31, why_unmeasured={"chosen_usd_per_1k": "no model was chosen"}),
    escalation=None,
    next_step="Label about 240 more rows: they are listed in label_these.jsonl, most useful first.",
)
