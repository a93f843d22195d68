"""What must be done: samples, labels and bars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from suffice.bar import QualityBar, ResourceBars

JsonValue = str | int | float | bool | None | Sequence[Any] | Mapping[str, Any]


class Kind(StrEnum):
    """What a task asks of a model."""

    CLASSIFY = "classify"  # text to one of a fixed set of labels
    EXTRACT = "extract"  # text to a JSON value of a given schema
    GENERATE = "generate"  # text to text
    RANK = "rank"  # text and choices to an order of the choices


class Split(StrEnum):
    """The three parts of the data, each with one use."""

    TRAIN = "train"  # methods learn here
    DEV = "dev"  # choices are made here, as often as one likes
    CERTIFY = "certify"  # looked at only by the controller; each look spends error budget


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One turn of a chat: a role (system, user, assistant, tool) and its text."""

    role: str
    content: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One input with what is known of its answer.

    `key` is the sha256 of the input: the sample's identity in splits, ledger and certificate.
    `target` is the truth or None; `reference` is the reference's recorded answer or None; `judge`
    is a judge's guess of the truth or None. They are never mixed: only the truth is truth. `group`
    ties samples that must stay on one side of a split. `recorded` holds further recorded models'
    answers by model name.
    """

    key: str
    text: str
    messages: tuple[Message, ...] = ()
    target: JsonValue = None
    reference: JsonValue = None
    judge: JsonValue = None
    reference_latency_ms: float | None = None
    group: str = ""
    source: str = ""  # file and line, for messages to the user
    recorded: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A named job: its kind, the labels it may answer with, and the bars a model must clear.

    `labels` is sorted and, for classify, holds every label met in train targets or reference
    answers; it is empty for other kinds. `schema` is the JSON Schema of an extract task's answers.
    `instruction` is what a language model is told to do, or empty for the kind's usual words. `alpha`
    is the one error budget of the whole search. `minimise` names what "smallest" means: cost,
    memory, latency, energy or bytes.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    quality: QualityBar
    resources: ResourceBars
    alpha: float = 0.05
    minimise: str = "cost"
    schema: Mapping[str, Any] | None = None
    instruction: str = ""
