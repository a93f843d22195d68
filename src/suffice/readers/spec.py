"""The task file's schema: one frozen `Spec`, in which every key that is not named is refused."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from suffice.bar import Metric, QualityBar, ResourceBars, Target
from suffice.readers.fixed_n_keys import check_fixed_n
from suffice.readers.judge_keys import JudgeSpec, check_judge, check_judged
from suffice.readers.metric_keys import check_settings, metric_of
from suffice.readers.rungs import CandidateSpec, OpenAISpec
from suffice.task import Kind

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Words = Annotated[str, Field(min_length=1)]


def _as_tuple(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


Files = Annotated[tuple[Words, ...], BeforeValidator(_as_tuple)]


class Part(BaseModel):
    """Frozen, strict, and closed to keys it does not name."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, serialize_by_alias=True
    )


class DataSpec(Part):
    """Where the rows are. A path alone stands for `files`."""

    files: Files = Field(default=(), description="one path or several, split by suffice")
    train: Files = Field(default=(), description="the files methods may learn from")
    dev: Files = Field(default=(), description="the files choices are made on; cut out of train where absent")
    certify: Files = Field(
        default=(), description="the files the proof is made on; cut out of train where absent"
    )
    batch_input: Files = Field(default=(), description="OpenAI batch request files, joined on custom_id")
    batch_output: Files = Field(default=(), description="OpenAI batch result files, joined on custom_id")

    @model_validator(mode="after")
    def _one_way(self) -> "DataSpec":
        ways = [bool(self.files), bool(self.train or self.dev or self.certify), bool(self.batch_input)]
        if sum(ways) != 1:
            raise ValueError("give one of: a path, {train, dev, certify}, or {batch_input, batch_output}")
        if (self.dev or self.certify) and not self.train:
            raise ValueError("'dev' and 'certify' need 'train' beside them")
        if self.batch_output and not self.batch_input:
            raise ValueError("'batch_output' needs 'batch_input' beside it")
        return self


class ReferenceSpec(Part):
    """The model in use now: recorded answers in the data, or called live."""

    answers: Words | None = Field(
        default=None, description="field of the recorded answers; log formats need none"
    )
    name: Words = Field(default="reference", description="the name reports use")
    usd_per_1m_input: NonNegative | None = Field(default=None, description="price of 1,000,000 input tokens")
    usd_per_1m_output: NonNegative | None = Field(
        default=None, description="price of 1,000,000 output tokens"
    )
    latency_ms: NonNegative | Words | None = Field(
        default=None, description="its latency as known, or the field that holds each row's"
    )
    openai: OpenAISpec | None = Field(default=None, description="an OpenAI-compatible endpoint to call live")

    @model_validator(mode="after")
    def _one_source(self) -> "ReferenceSpec":
        if self.openai is not None and self.answers is not None:
            raise ValueError("give 'answers' (recorded) or 'openai' (live), not both")
        return self


class QualitySpec(Part):
    """What is good enough."""

    metric: Metric | None = Field(
        default=None, strict=False, description="how answers become one number; the kind's usual one"
    )
    target: Target = Field(strict=False, description="what quality is held against")
    at_least: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="for target absolute: the lowest quality allowed"
    )
    margin: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, description="for target non_inferior: the largest drop against the reference"
    )
    at_most: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, description="for target agreement: the largest share of differing answers"
    )
    positive: Words | None = Field(
        default=None, description="for recall_at_false_alarm: the class to be found"
    )
    false_alarm: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, description="for recall_at_false_alarm: the largest share of others taken for it"
    )
    ignore_case: bool = Field(default=False, description="texts that differ in case only are equal")
    tolerance: NonNegative | None = Field(
        default=None, description="for numeric_match: how far two equal numbers may be apart"
    )
    pattern: Words | None = Field(
        default=None, description="for regex and numeric_match: what finds the answer in the text"
    )

    @model_validator(mode="after")
    def _fits(self) -> "QualitySpec":
        wanted = {"absolute": "at_least", "non_inferior": "margin", "agreement": "at_most"}[self.target.value]
        given = [name for name in ("at_least", "margin", "at_most") if getattr(self, name) is not None]
        if given != [wanted]:
            found = " and ".join(repr(name) for name in given) or "none"
            raise ValueError(f"target {self.target.value} takes the threshold {wanted!r}; found {found}")
        if self.at_least == 1:
            raise ValueError("no number of rows can show a quality of 1; at_least may be 0.999")
        check_settings(self.metric, self)
        return self


class BarsSpec(Part):
    """All acceptance criteria."""

    quality: QualitySpec = Field(description="what is good enough")
    latency_p95_ms: Positive | None = Field(default=None, description="95th percentile of latency, batch 1")
    memory_mb: Positive | None = Field(default=None, description="resident memory of the serving process")
    cost_usd_per_1k: NonNegative | None = Field(default=None, description="cost of 1,000 requests")
    energy_j: Positive | None = Field(default=None, description="energy of one request")
    bytes_mb: Positive | None = Field(default=None, description="size of the served files")


class SplitsSpec(Part):
    """The shares of the three splits; they sum to 1.

    A third and more goes to certify, because the proof is made of its rows alone: accuracy grows with
    the logarithm of the training rows, certainty with the number of certify rows.
    """

    train: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.50, description="share that methods learn from"
    )
    dev: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.15, description="share that choices are made on"
    )
    certify: Share = Field(default=0.35, description="share that the proof is made on")

    @model_validator(mode="after")
    def _whole(self) -> "SplitsSpec":
        total = self.train + self.dev + self.certify
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the shares must sum to 1; they sum to {total:g}")
        return self


def _data(value: Any) -> Any:
    return {"files": value} if isinstance(value, str | list) else value


def _ladder(value: Any) -> Any:
    if value == []:
        raise ValueError("an empty list leaves nothing to try; write auto, or list candidates")
    if isinstance(value, list):
        return tuple(value)
    if value is None or value == "auto":
        return None
    raise ValueError(f"{value!r} is neither auto nor a list of candidates")


class Spec(Part):
    """A task file, checked. `base` is the folder its relative paths start from."""

    version: Literal[1] = Field(description="version of this schema")
    name: Words = Field(description="the task's name")
    kind: Kind = Field(strict=False, description="what is asked of a model")
    answer_schema: dict[str, Any] | None = Field(
        default=None, alias="schema", description="for extract: JSON Schema of an answer, or its file"
    )
    instruction: Words | None = Field(
        default=None, description="what a language model is told to do; the kind's usual words"
    )
    data: Annotated[DataSpec, BeforeValidator(_data)] = Field(description="where the rows are")
    input: Words | None = Field(default=None, description="field of the input; chat formats need none")
    target: Words | None = Field(default=None, description="field of the truth; may be missing on most rows")
    group: Words | None = Field(
        default=None, description="field whose equal values stay on one side of a split"
    )
    id: Words | None = Field(default=None, description="field that names a row in messages")
    encoding: Words | None = Field(default=None, description="text encoding of the files, e.g. cp1252")
    max_rows: Annotated[int, Field(ge=10)] = Field(
        default=200_000, description="distinct inputs kept per file set; more are sampled by content hash"
    )
    splits: SplitsSpec = Field(default_factory=SplitsSpec, description="shares of the splits")
    reference: ReferenceSpec | None = Field(default=None, description="the model in use now")
    judge: JudgeSpec | None = Field(
        default=None,
        description="a judge's labels, which save truths and are never taken for them; or the judging model",
    )
    bars: BarsSpec = Field(description="what a model must clear")
    alpha: Annotated[float, Field(gt=0, le=0.5)] = Field(
        default=0.05, description="error budget of the whole search"
    )
    test: Literal["sequential", "fixed_n"] = Field(
        default="sequential", description="look after every row and stop early, or once at all rows"
    )
    minimise: Literal["cost", "memory", "latency", "energy", "bytes"] = Field(
        default="cost", description='what "smallest" means'
    )
    ladder: Annotated[tuple[CandidateSpec, ...] | None, BeforeValidator(_ladder)] = Field(
        default=None, description="auto, or an explicit list of candidates"
    )
    base: Path = Field(default=Path(), exclude=True, repr=False)

    @model_validator(mode="after")
    def _consistent(self) -> "Spec":
        target = self.bars.quality.target
        if target is not Target.ABSOLUTE and self.reference is None:
            raise ValueError(f"bars.quality.target {target.value} compares with a reference; add 'reference'")
        check_settings(metric_of(self.kind, self.bars.quality.metric), self.bars.quality)
        if self.answer_schema is not None and self.kind is not Kind.EXTRACT:
            raise ValueError(f"'schema' belongs to kind extract; this task's kind is {self.kind.value}")
        check_judge(self.judge, metric=self.quality_bar.metric, target=target, truth=self.target)
        if self.judge is not None and self.judge.is_model:
            self._check_judged(self.judge)
        if self.test == "fixed_n":
            live = self.reference is not None and self.reference.openai is not None
            live = live or any(candidate.kind == "openai" for candidate in self.ladder or ())
            is_judged = self.judge is not None
            check_fixed_n(metric=self.quality_bar.metric, is_live=live, is_judged=is_judged)
        names = [candidate.rung.name for candidate in self.ladder or ()]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(
                f"two candidates of the ladder are named {doubled[0]!r}; give each its own 'name'"
            )
        return self

    def _check_judged(self, judge: JudgeSpec) -> None:
        rungs = None if self.ladder is None else [(c.rung.name, c.kind) for c in self.ladder]
        check_judged(judge, rungs, has_reference=self.reference is not None)
        if self.reference is not None and self.reference.openai is not None and judge.recorded_fields:
            raise ValueError(
                "'judge.human' and 'judge.verdicts' are about recorded answers, and the reference is asked "
                "live; record its answers"
            )

    @property
    def quality_bar(self) -> QualityBar:
        """Returns the quality bar as the rest of suffice knows it."""
        metric = metric_of(self.kind, self.bars.quality.metric)
        told = {**self.bars.quality.model_dump(), "metric": metric, "fixed_n": self.test == "fixed_n"}
        return QualityBar(**told)

    @property
    def resource_bars(self) -> ResourceBars:
        """Returns the limits on latency, memory, cost, energy and bytes."""
        return ResourceBars(**self.bars.model_dump(exclude={"quality"}))

    @property
    def recorded_fields(self) -> dict[str, str]:
        """Returns the field that holds each recorded candidate's answers, by candidate name."""
        recorded = [candidate.rung for candidate in self.ladder or () if candidate.kind == "recorded"]
        fields = {rung.name: str(rung.setting("answers", "")) for rung in recorded}
        return fields | ({} if self.judge is None else self.judge.recorded_fields)

    def path(self, written: str) -> Path:
        """Returns a path of the task file, relative to the task file's folder."""
        return self.base / Path(written).expanduser()
