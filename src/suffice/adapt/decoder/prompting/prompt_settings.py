"""What a task file may say of a decoder that is only prompted."""

from dataclasses import dataclass, fields
from typing import Any, Self

from suffice.candidate import Candidate
from suffice.errors import SpecError

_CHOICES = {
    "choose": ("fixed", "nearest"),
    "style": ("auto", "chat", "plain"),
    "agree_on": ("", "exact_match", "normalised_match", "numeric_match"),
}
MOST_SHOTS = 64


@dataclass(frozen=True, kw_only=True)
class PromptSettings:
    """The settings of a candidate of the method `prompt`.

    `file`, a GGUF file, or `base`, a folder of safetensors that is exported as `type`; `sha256` is what
    their bytes were when the run began. `shots` examples, `choose` "fixed" or "nearest" (then `weights`
    and `hub` say where the encoder is). `codes`: labels are answered by codes of one token. `style` "auto"
    is "chat" where the file has a chat template, else "plain". `context` and `max_answer_tokens` in tokens,
    0: as the train rows ask. `samples` further answers drawn at `temperature`, compared in the form of the
    metric `agree_on`. `threads`: those used to make it, 0: all.
    """

    file: str = ""
    base: str = ""
    sha256: str = ""
    type: str = "q8_0"
    shots: int = 0
    choose: str = "fixed"
    codes: bool = False
    style: str = "auto"
    context: int = 0
    max_answer_tokens: int = 0
    samples: int = 0
    temperature: float = 1.0
    agree_on: str = ""
    weights: str = ""
    hub: bool = False
    threads: int = 0

    @classmethod
    def of(cls, candidate: Candidate) -> Self:
        """Returns a candidate's settings.

        Raises:
            SpecError: an unknown setting, a value of another type or out of range, no weights or two.
        """
        known = {field.name: type(field.default) for field in fields(cls)}
        given: dict[str, Any] = {}
        for name, value in candidate.settings:
            if name not in known:
                raise _wrong(candidate, f"unknown setting {name!r}", hint=f"known are {', '.join(known)}")
            given[name] = _typed(candidate, name, value, known[name])
        made = cls(**given)
        made._check(candidate, set(given))
        return made

    def _check(self, candidate: Candidate, given: set[str]) -> None:
        if bool(self.file) == bool(self.base):
            raise _wrong(
                candidate,
                "it needs a 'file' or a 'base', one of them",
                hint="file: model.gguf, or base: a folder with config.json and model.safetensors",
            )
        if self.file and "type" in given:
            raise _wrong(
                candidate,
                "a 'file' is served as it is; 'type' goes with 'base'",
                hint="to make it smaller, list it with `method: quantise` and this one as its teacher",
            )
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise _wrong(candidate, f"{name} is {getattr(self, name)!r}; known are {', '.join(known)}")
        for name in ("shots", "context", "max_answer_tokens", "samples", "threads"):
            if getattr(self, name) < 0:
                raise _wrong(candidate, f"{name} is {getattr(self, name)}; it cannot be negative")
        if self.shots > MOST_SHOTS:
            raise _wrong(candidate, f"{self.shots} shots; at most {MOST_SHOTS} are shown")
        if self.choose == "nearest" and not self.shots:
            raise _wrong(candidate, "the nearest of no shots", hint="give e.g. 'shots: 4'")
        if self.samples and not self.temperature > 0:
            raise _wrong(candidate, f"samples at temperature {self.temperature}; it must be above 0")


def _typed(candidate: Candidate, name: str, value: object, wanted: type) -> object:
    if wanted is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if type(value) is not wanted:
        words = {str: "a text", int: "a whole number", bool: "true or false", float: "a number"}[wanted]
        raise _wrong(candidate, f"{name} must be {words}, not {value!r}")
    return value


def _wrong(candidate: Candidate, what: str, *, hint: str | None = None) -> SpecError:
    return SpecError(f"candidate {candidate.name!r}: {what}", hint=hint)
