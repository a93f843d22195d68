"""The part of the facts that a closer look at one model's answers gave: confusions, slices, calibration."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class InspectedFacts:
    """Which model the confusions, slices and calibration describe, and on which rows."""

    model: str
    split: str
    n: int


@dataclass(frozen=True, kw_only=True)
class ConfusionFacts:
    """`count` of the `of` samples labelled `wanted` were answered `answered`; worst first."""

    wanted: str
    answered: str
    count: int
    of: int


@dataclass(frozen=True, kw_only=True)
class ConfusionMatrix:
    """Counts for few labels: row i wanted, column j answered. An extra last column may be "(no answer)"."""

    wanted: tuple[str, ...]
    answered: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class SliceFacts:
    """Quality on one part of the data; worst first."""

    name: str
    n: int
    estimate: float
    lower: float
    upper: float


@dataclass(frozen=True, kw_only=True)
class CalibrationBin:
    """n answers of like confidence: their mean confidence, and the share that was right."""

    confidence: float
    accuracy: float
    n: int
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, kw_only=True)
class CalibrationFacts:
    """Does the confidence mean what it says; `ece` is the expected calibration error over the bins."""

    bins: tuple[CalibrationBin, ...]
    ece: float


@dataclass(frozen=True, kw_only=True)
class ShareFacts:
    """A share of n cases with its interval."""

    estimate: float
    lower: float
    upper: float
    n: int


@dataclass(frozen=True, kw_only=True)
class FieldFacts:
    """How well one field of extracted objects was found; `name` "" is all together. None: no case of it."""

    name: str
    wanted: int
    precision: ShareFacts | None
    recall: ShareFacts | None
    f1: ShareFacts | None


@dataclass(frozen=True, kw_only=True)
class ExtractionFacts:
    """A model's objects on n samples of one split, field by field; rare fields may be left out.

    `valid_json` is the share of answers that are a JSON object at all. It is never counted as quality.
    """

    model: str
    split: str
    n: int
    micro: FieldFacts
    fields: tuple[FieldFacts, ...]
    valid_json: ShareFacts


@dataclass(frozen=True, kw_only=True)
class EstimateFacts:
    """A number with its 95% interval over n answers; None where it could not be measured."""

    value: float | None
    lower: float | None
    upper: float | None
    n: int


@dataclass(frozen=True, kw_only=True)
class LeniencyFacts:
    """What a judge gives one candidate's answers, less what people give; above 0 it flatters."""

    candidate: str
    gap: EstimateFacts


@dataclass(frozen=True, kw_only=True)
class JudgeFacts:
    """How good and how partial a judging model is on dev (see `score.judge.report.JudgeReport`).

    `is_alone`: no person has labelled any answer, so quality is its opinion. `n` counts judged answers of
    dev, `verdicts` all that it has said in the run, `unreadable` and `failed` those of them that are missing.
    """

    name: str
    mode: str
    is_alone: bool
    identity: str
    n: int
    verdicts: int
    unreadable: int
    failed: int
    agreement: EstimateFacts
    kappa: EstimateFacts
    sensitivity: EstimateFacts
    specificity: EstimateFacts
    leniency: tuple[LeniencyFacts, ...]
    first: EstimateFacts
    changed: EstimateFacts
    length: EstimateFacts
    human_length: EstimateFacts
