"""The task file's schema for models: an endpoint to call, and a candidate of an explicit ladder."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from suffice.candidate import Candidate, Setting
from suffice.cascade import REFERENCE

_NON_NEGATIVE = Annotated[float, Field(ge=0)]
_WORDS = Annotated[str, Field(min_length=1)]


def _url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError(f"{value!r} is not an http:// or https:// address")
    if "@" in value.split("//", 1)[1].split("/", 1)[0]:
        raise ValueError("an address must not carry a user or a key; name a variable in 'api_key_env'")
    return value


class OpenAISpec(BaseModel):
    """An OpenAI-compatible endpoint. The key itself never stands in the file."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    base_url: _WORDS = Field(description="address up to and including /v1")
    model: _WORDS = Field(description="the model's name there")
    api_key_env: _WORDS | None = Field(default=None, description="environment variable that holds the key")
    spend_cap_usd: _NON_NEGATIVE | None = Field(
        default=None, description="no call is made that would pass it"
    )
    timeout_s: Annotated[float, Field(gt=0)] = Field(default=120.0, description="longest wait for one answer")
    max_retries: Annotated[int, Field(ge=0, le=20)] = Field(default=3, description="attempts after the first")
    concurrency: Annotated[int, Field(ge=1, le=256)] = Field(default=8, description="calls under way at once")
    max_tokens: Annotated[int, Field(ge=1)] | None = Field(default=None, description="longest answer")
    prompt: _WORDS | None = Field(
        default=None, description="system message; {labels} in it stands for the labels, one a line"
    )
    usd_per_1m_input: _NON_NEGATIVE | None = Field(
        default=None, description="price of 1,000,000 input tokens"
    )
    usd_per_1m_output: _NON_NEGATIVE | None = Field(
        default=None, description="price of 1,000,000 output tokens"
    )

    @field_validator("base_url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        return _url(value)

    @field_validator("api_key_env")
    @classmethod
    def _check_variable(cls, value: str | None) -> str | None:
        if value is not None and not value.isidentifier():
            raise ValueError("this is not the name of an environment variable; never write the key itself")
        return value


class RecordedSpec(BaseModel):
    """A model whose answers stand in the data."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    answers: _WORDS = Field(description="field of its recorded answers")
    size_b: Annotated[float, Field(gt=0)] | None = Field(default=None, description="parameters, in billions")
    usd_per_1m_input: _NON_NEGATIVE | None = Field(
        default=None, description="price of 1,000,000 input tokens"
    )
    usd_per_1m_output: _NON_NEGATIVE | None = Field(
        default=None, description="price of 1,000,000 output tokens"
    )
    latency_ms: _NON_NEGATIVE | None = Field(default=None, description="its latency as known")


class AgreementSpec(BaseModel):
    """Several other candidates asked alike; the answer most of them give."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    members: Annotated[list[_WORDS], Field(min_length=2)] = Field(description="names of other candidates")

    @field_validator("members")
    @classmethod
    def _check_members(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("a member is named twice; it would always agree with itself")
        return value


# Every setting of these kinds is known here; the others' settings are checked by their methods.
CLOSED_KINDS: dict[str, type[BaseModel]] = {
    "recorded": RecordedSpec,
    "openai": OpenAISpec,
    "agreement": AgreementSpec,
}


class CandidateSpec(BaseModel):
    """One candidate of an explicit ladder; further keys are its settings."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", allow_inf_nan=False)

    kind: Literal[
        "linear", "encoder", "tagger", "gguf", "transformers", "recorded", "openai", "agreement", "fake"
    ] = Field(description="model class")
    name: _WORDS | None = Field(default=None, description="unique name; made of kind and method where absent")
    method: _WORDS | None = Field(default=None, description="how its artefact is made")
    teacher: _WORDS | None = Field(
        default=None, description="candidate that is made first and teaches this one"
    )

    @model_validator(mode="after")
    def _check_settings(self) -> "CandidateSpec":
        settings = self.model_extra or {}
        for key, value in settings.items():
            if not isinstance(value, str | int | float | bool) and self.kind != "agreement":
                raise ValueError(f"setting {key!r} must be a text, a number or a truth value, not {value!r}")
        if self.name == REFERENCE:
            raise ValueError(f"the name {REFERENCE!r} is that of the model in use now; choose another")
        if self.kind in CLOSED_KINDS:
            CLOSED_KINDS[self.kind].model_validate(settings)
        return self

    @property
    def rung(self) -> Candidate:
        """Returns the candidate as the rest of suffice knows it; settings sorted by name."""
        settings: dict[str, Setting] = {
            key: "\n".join(value) if isinstance(value, list) else value
            for key, value in (self.model_extra or {}).items()
        }
        told_by = {"recorded": settings.get("answers"), "openai": settings.get("model")}
        parts: list[Any] = [self.kind, told_by.get(self.kind, self.method)]
        return Candidate(
            name=self.name or "-".join(str(part) for part in parts if part),
            kind=self.kind,
            method=self.method or "given",
            teacher=self.teacher,
            settings=tuple(sorted(settings.items())),
        )
