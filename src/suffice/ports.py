"""The doors between suffice and the world, on one page: Model, Classifier, Scorer, Method, Meter, Store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from suffice.task import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from suffice.candidate import Candidate
    from suffice.measurement import Measurement
    from suffice.task import Message, Sample


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One input to a model: its text, its chat form where it has one, and its content key.

    `wants_probabilities`: the answer is to show the probabilities of all labels, where its model has any.
    """

    text: str
    key: str = ""
    messages: tuple[Message, ...] = ()
    wants_probabilities: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens read and written; None where the model does not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None


UNKNOWN_USAGE = Usage()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One answer with what is needed to trust it.

    `text` is None when nobody answered: the request was escalated to a reference that is not
    here (`escalated`), the model failed (`error`), or what it said is no answer to the task, e.g.
    none of the labels: then there is neither, a note quotes it, and it counts as a wrong answer.
    `confidence` is the model's probability of being right, in [0, 1], or None. `novelty` in [0, 1]
    is how unlike the training data the input is (0 familiar, 1 foreign), or None. `trust` in [0, 1]
    comes from a gate that learnt what escalating gains; None without one. `tier` names the model that
    answered. `notes` says what the user should know about this one answer, e.g. that
    only a part of the text was read. `probabilities` are those of all labels, in the model's order, by a
    classifier that was asked for them; () otherwise.
    """

    text: str | None
    confidence: float | None = None
    novelty: float | None = None
    trust: float | None = None
    usage: Usage = UNKNOWN_USAGE
    latency_ms: float | None = None
    tier: str = ""
    escalated: bool = False
    error: str | None = None
    notes: tuple[str, ...] = ()
    probabilities: tuple[tuple[str, float], ...] = ()


class Model(Protocol):
    """Answers batches of requests, in order, one answer each."""

    @property
    def name(self) -> str:
        """Returns the name under which it is measured and served."""
        ...

    @property
    def simulated(self) -> bool:
        """Says whether its answers are made up; such a model can never be certified."""
        ...

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns one answer per request, in the same order; [] for [].

        Raises:
            ModelError: the model could not answer at all.
        """
        ...

    async def close(self) -> None:
        """Releases what the model holds; calling it twice is harmless."""
        ...


@dataclass(frozen=True, kw_only=True)
class Classification:
    """What a classifier says about n texts over its K labels.

    `probabilities`: (n, K), rows sum to 1, calibrated on dev. `novelty`: (n,) in [0, 1].
    `notes`: n tuples of remarks, empty for most.
    """

    probabilities: NDArray[np.float64]
    novelty: NDArray[np.float64]
    notes: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One thing that spoke for (weight > 0) or against (weight < 0) an answer."""

    evidence: str  # an n-gram of the text, or a training example
    weight: float
    kind: str  # "ngram" or "example"


@runtime_checkable
class Classifier(Protocol):
    """A local model over a fixed set of labels, which shows all its probabilities and its reasons."""

    @property
    def name(self) -> str:
        """Returns the name under which it is measured and served."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Returns the K labels in the order of the probabilities' columns."""
        ...

    def classify(self, texts: Sequence[str]) -> Classification:
        """Returns probabilities and novelty for each text."""
        ...

    def explain(self, text: str, *, top: int = 5) -> list[Reason]:
        """Returns the reasons that weighed most for the answer, strongest first."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """One answer's value in [0, 1], or None where it cannot be scored, with the reason."""

    value: float | None
    why: str = ""


class Scorer(Protocol):
    """Compares answers with what was wanted (the truth, or the reference's answer)."""

    async def score(self, wanted: Sequence[Any], answers: Sequence[str | None]) -> list[Score]:
        """Returns one score per pair; an absent answer scores 0, an absent wish None."""
        ...


@dataclass(frozen=True, kw_only=True)
class TrainingRows:
    """What a method may look at: never a row of the certify split.

    `train` and `dev` hold samples with targets; `unlabelled` further inputs of the task (rows of
    the train split that lack a target). Where the truth is missing everywhere, targets may be the
    reference's answers: then `targets_are_reference` is True and reports say so. `kind`, `schema`
    (extract: the JSON Schema of an answer) and `instruction` are the task's.
    """

    labels: tuple[str, ...]
    train: Sequence[Sample]
    dev: Sequence[Sample]
    unlabelled: Sequence[Sample] = ()
    targets_are_reference: bool = False
    kind: Kind = Kind.CLASSIFY
    schema: Mapping[str, Any] | None = None
    instruction: str = ""


class Progress(Protocol):
    """Hears how far long work has come."""

    def __call__(self, what: str, done: float, total: float) -> None:
        """Takes what is being done and how much of it is done."""
        ...


class Method(Protocol):
    """Makes a candidate's artefact: a folder with `model.json` and its weights, ready to be served.

    Quantising and exporting are part of it: what the folder holds is what is measured and certified.
    """

    def apply(
        self,
        candidate: Candidate,
        rows: TrainingRows,
        *,
        out: Path,
        teacher: Path | None,
        seed: int,
        progress: Progress,
    ) -> None:
        """Writes the artefact into the existing empty folder `out`; the same inputs give the same bytes.

        Raises:
            DataError: too little data for the method; names the number it would want.
            MissingExtra: optional packages are missing.
        """
        ...


class Meter(Protocol):
    """Measures what answering takes, on this machine."""

    async def measure(self, model: Model, requests: Sequence[Request]) -> list[Measurement]:
        """Returns the measurements; what cannot be measured here is returned as such, never as 0."""
        ...


class Store(Protocol):
    """What a run has done so far: the results of finished steps and all answers, safe against a kill."""

    def artefact(self, fingerprint: str) -> Path | None:
        """Returns the folder of a finished artefact whose bytes still match, or None."""
        ...

    def workplace(self, fingerprint: str) -> Path:
        """Returns a new empty folder in which the artefact may be made."""
        ...

    def keep_artefact(self, fingerprint: str, folder: Path) -> Path:
        """Moves a finished folder into the store, and returns its place there."""
        ...

    def answers(self, model: str, keys: Sequence[str]) -> Mapping[str, Answer]:
        """Returns the answers a model (by fingerprint) has already given, by request key."""
        ...

    def keep_answers(self, model: str, answers: Mapping[str, Answer]) -> None:
        """Records a model's answers, so that none is asked, or paid, twice."""
        ...


@dataclass(frozen=True, kw_only=True)
class Look:
    """One spending of error budget: which look it is at these rows (1 = first), and its alpha."""

    number: int
    alpha: float


class LookAccount(Protocol):
    """Remembers across all runs which rows were looked at to certify, and what each look spent."""

    def open_look(self, rows: Sequence[str], *, what: str, alpha_of: Callable[[int], float]) -> Look:
        """Returns the look for `what` at these rows (content keys), recorded before its result is known.

        The same `what` returns the look it opened before: resuming spends nothing. Otherwise the
        look's number is one more than that of the earlier looks which saw any of these rows, and
        its alpha is `alpha_of(number)`.
        """
        ...
