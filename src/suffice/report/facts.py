"""The one object that page, terminal and JSON show: what a run found.

Numbers that were not measured are None, and `why_unmeasured` beside them says why, by field name.
Shares and accuracies lie in [0, 1]; money is US dollars; an interval is [lower, upper] at `level`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from suffice.bar import Target, Verdict
from suffice.measurement import Environment
from suffice.report import wire
from suffice.report.inspection import (
    CalibrationBin,
    CalibrationFacts,
    ConfusionFacts,
    ConfusionMatrix,
    EstimateFacts,
    ExtractionFacts,
    FieldFacts,
    InspectedFacts,
    JudgeFacts,
    LeniencyFacts,
    ShareFacts,
    SliceFacts,
)

__all__ = [
    "VERSION", "BarFacts", "CalibrationBin", "CalibrationFacts", "CandidateFacts", "ChosenFacts",
    "ConfusionFacts", "ConfusionMatrix", "CostFacts", "DataFacts", "EscalationFacts", "EstimateFacts",
    "EvidenceFacts", "ExtractionFacts", "Facts", "FieldFacts", "InspectedFacts", "JudgeFacts",
    "LatencyFacts", "LeniencyFacts", "PathPoint", "ProofFacts", "QualityFacts", "ReferenceFacts",
    "ServedFile", "ShareFacts", "SliceFacts", "TaskFacts", "TestFacts", "from_json", "to_json",
]  # fmt: skip

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class QualityFacts:
    """One model's quality on one split: estimate and interval, from n samples.

    `against` is "truth" or "reference": a reference's answers are not truth, and are never mixed with it.
    """

    estimate: float
    lower: float
    upper: float
    n: int
    split: str
    level: float = 0.95
    against: str = "truth"


@dataclass(frozen=True, kw_only=True)
class LatencyFacts:
    """Milliseconds a request takes, from n requests of batch 1; None where a quantile is not known."""

    p50: float | None
    p95: float | None
    n: int | None = None


@dataclass(frozen=True, kw_only=True)
class BarFacts:
    """One limit of the task and whether the chosen model keeps it; `is_met` None: not known."""

    name: str  # quality, latency_p95_ms, memory_mb, cost_usd_per_1k, energy_j, bytes_mb
    limit: float
    measured: float | None = None
    is_met: bool | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class TaskFacts:
    """The job and its bar. `target_text` is the quality bar in words, e.g. "at most 2 points below X"."""

    name: str
    kind: str
    metric: str
    target_text: str
    threshold: float
    bars: tuple[BarFacts, ...] = ()
    minimise: str = "cost"


@dataclass(frozen=True, kw_only=True)
class ChosenFacts:
    """The smallest model that met the bar."""

    name: str
    kind: str
    bytes: int | None
    fingerprint: str
    tiers: tuple[str, ...] = ()  # for a cascade, in order, with thresholds in words


@dataclass(frozen=True, kw_only=True)
class EvidenceFacts:
    """What the decision took: certify rows drawn, truths consulted, model answers, evidence reached.

    `bound_n` is the information-theoretic lower bound on n for the same decision; `ratio` n / bound_n.
    `judge_labels` counts a judge's labels, which are no truths. `search_n` and `search_labels` count
    rows and truths of all tests together.
    """

    n: int
    labels: int
    calls: int
    judge_labels: int = 0
    search_n: int | None = None
    search_labels: int | None = None
    e_value: float | None = None
    bound_n: float | None = None
    ratio: float | None = None
    why_unmeasured: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CandidateFacts:
    """One rung of the ladder with everything measured about it; `why` is why it was (not) chosen."""

    name: str
    kind: str
    bytes: int | None
    verdict: Verdict
    why: str
    quality: QualityFacts | None = None
    latency_ms: LatencyFacts | None = None
    memory_bytes: int | None = None
    cost_usd_per_1k: float | None = None
    energy_j: float | None = None
    why_unmeasured: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ReferenceFacts:
    """The model in use now. `mode`: "recorded" (answers from the data), "live" (called) or "absent"."""

    name: str
    mode: str
    quality: QualityFacts | None = None
    latency_ms: LatencyFacts | None = None
    cost_usd_per_1k: float | None = None
    why_unmeasured: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DataFacts:
    """The rows and their three splits. `imbalance`: rows of the most frequent label / of the rarest."""

    rows: int
    train: int
    dev: int
    certify: int
    labelled_share: float
    labels: int
    imbalance: float | None = None
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PathPoint:
    """The evidence after n certify rows of one test."""

    n: int
    e_value: float


@dataclass(frozen=True, kw_only=True)
class TestFacts:
    """One hypothesis: rejected (verdict pass) when its e-value reaches 1 / alpha. In the order tested."""

    __test__ = False  # a noun of statistics, not a test-suite's class

    name: str
    alpha: float
    e_value: float | None
    n: int
    labels: int
    verdict: Verdict
    calls: int | None = None
    path: tuple[PathPoint, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CostFacts:
    """Money: what 1,000 requests cost today and with the chosen model.

    `fixed_usd_per_month` is what the chosen model costs whether used or not (the machine); the
    `chosen_usd_per_1k` comes on top of it only where `assumptions` say so.
    """

    today_usd_per_1k: float | None = None
    chosen_usd_per_1k: float | None = None
    fixed_usd_per_month: float | None = None
    break_even_requests_per_month: float | None = None
    assumptions: tuple[str, ...] = ()
    why_unmeasured: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EscalationFacts:
    """The share of requests a cascade passes up, with its interval, from n samples."""

    rate: float
    lower: float
    upper: float
    n: int


@dataclass(frozen=True, kw_only=True)
class ServedFile:
    """One file of the bundle, as the certificate names it."""

    path: str
    sha256: str
    bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class ProofFacts:
    """What the certificate says beyond the evidence: order of tests, budget spent, files, key.

    `statement` is what was shown, in one sentence; `look` is 1 for the first look at these certify
    rows; `distribution_note` says for which traffic it holds.
    """

    statement: str
    order: str
    alpha_spent: float
    look: int = 1
    distribution_note: str = ""
    files: tuple[ServedFile, ...] = ()
    key: str = ""  # fingerprint of the public key
    issued_at: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything a run found. `certificate` and `report` are paths relative to the run folder, or None."""

    verdict: Verdict
    chosen: ChosenFacts | None
    target: Target
    alpha: float
    evidence: EvidenceFacts
    candidates: tuple[CandidateFacts, ...]
    certificate: str | None
    report: str | None
    task: TaskFacts
    data: DataFacts
    reference: ReferenceFacts | None = None
    sentence: str = ""  # the verdict, in one plain sentence
    next_step: str = ""  # what to do now
    proof: ProofFacts | None = None
    tests: tuple[TestFacts, ...] = ()
    inspected: InspectedFacts | None = None
    confusions: tuple[ConfusionFacts, ...] = ()
    confusion_matrix: ConfusionMatrix | None = None
    slices: tuple[SliceFacts, ...] = ()
    calibration: CalibrationFacts | None = None
    extraction: tuple[ExtractionFacts, ...] = ()
    judge: JudgeFacts | None = None
    cost: CostFacts = field(default_factory=CostFacts)
    escalation: EscalationFacts | None = None
    environment: Environment | None = None
    seed: int = 0
    notes: tuple[str, ...] = ()
    command: str = ""  # what to type to get the same result
    generated_at: str = ""
    simulated: bool = False
    version: int = VERSION


def to_json(facts: Facts) -> dict[str, Any]:
    """Returns the facts as plain JSON values: what `run --json` prints and `report.json` holds.

    Raises:
        ValueError: a number is NaN or infinite; the message names the field.
    """
    encoded: dict[str, Any] = wire.encode(facts)
    return encoded


def from_json(value: Mapping[str, Any]) -> Facts:
    """Returns the facts that `to_json` wrote.

    Raises:
        ArtefactError: a field is unknown, missing or of the wrong type; the message names it.
    """
    return wire.decode(Facts, value)
