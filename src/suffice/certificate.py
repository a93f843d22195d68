"""What was shown, about which bytes, on which data, with which test."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://suffice.dev/certificate/v1"


@dataclass(frozen=True, kw_only=True)
class HypothesisRecord:
    """One hypothesis of the search and what became of it, in the order of testing.

    `alpha` is the share of the error budget it was tested at; `e_value` the evidence reached;
    `n` values drawn, `labels` truths consulted, `judge_labels` a judge's labels consulted beside
    them, `calls` model answers drawn (both models).
    """

    hypothesis: str
    verdict: str
    alpha: float
    e_value: float | None
    p_value: float | None
    n: int
    labels: int
    calls: int
    evidence: str  # name of the file of per-row outcomes this is recomputed from
    judge_labels: int = 0


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """The predicate of the signed statement; its subject is the sha256 of every served file."""

    task: str
    chosen: str
    statement: str  # what was shown, in one sentence
    target: str
    metric: str
    threshold: float
    alpha: float
    alpha_spent: float
    look: int  # 1 for the first look at these certify rows
    order: str  # descending, ascending, ...
    tests: tuple[HypothesisRecord, ...]
    n: int
    labels: int
    calls: int
    e_value: float | None
    bound_n: float | None  # information-theoretic lower bound on n for this decision
    ratio: float | None  # n / bound_n
    judge_labels: int = 0  # of the whole search; never among `labels`
    data: Mapping[str, str] = field(default_factory=dict)  # split -> sha256 of its rows' keys
    cascade: Mapping[str, Any] = field(default_factory=dict)
    measurements: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    distribution_note: str = ""
    issued_at: str = ""
