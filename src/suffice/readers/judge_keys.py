"""A judge in a task file: labels that stand in the data, or a model that is asked; what goes with what."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from suffice.bar import Metric, Target
from suffice.cascade import REFERENCE
from suffice.readers.rungs import OpenAISpec

_WORDS = Annotated[str, Field(min_length=1)]
_SOURCES = ("openai", "file", "artefact", "verdicts")
_ABOUT_MODELS = (*_SOURCES, "human", "rubric", "name", "family")
# No means over rows of a worth against the truth: bets on a judge as control variate need one.
_NOT_WITH = {"macro_f1", "recall_at_false_alarm", "unit_tests"}


class JudgeSpec(BaseModel):
    """A judge: guesses of the truth in the data (`answers`), or, for metric judge, a model that is asked."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    answers: _WORDS | None = Field(
        default=None, description="field of the judge's label: what it takes for the truth"
    )
    openai: OpenAISpec | None = Field(default=None, description="metric judge: an endpoint that is asked")
    file: _WORDS | None = Field(default=None, description="metric judge: a decoder in a GGUF file")
    artefact: _WORDS | None = Field(
        default=None, description="metric judge: the folder of a model made by suffice"
    )
    verdicts: dict[_WORDS, _WORDS | list[_WORDS]] | None = Field(
        default=None, description="metric judge: fields of recorded verdicts by candidate; two for compare"
    )
    mode: Literal["grade", "compare"] = Field(
        default="grade", description="beside the right answer, or against another one in both orders"
    )
    human: dict[_WORDS, _WORDS] = Field(
        default_factory=dict, description="fields of people's labels of recorded answers, by candidate"
    )
    rubric: _WORDS | None = Field(default=None, description="what counts as right or better, for the judge")
    name: _WORDS | None = Field(default=None, description="its name in reports")
    family: _WORDS | None = Field(default=None, description="its family of models, where no name tells it")

    @model_validator(mode="after")
    def _one_source(self) -> "JudgeSpec":
        given = [name for name in ("answers", *_SOURCES) if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(map(repr, given)) or "none"
            raise ValueError(
                "a judge is one of 'answers' (labels in the data), 'openai', 'file', 'artefact' or "
                f"'verdicts'; found {found}"
            )
        if self.verdicts is not None and self.name is None:
            raise ValueError("recorded 'verdicts' need the 'name' of the model that gave them")
        self._check_fields()
        return self

    def _check_fields(self) -> None:
        wanted = 1 if self.mode == "grade" else 2
        for candidate, fields in (self.verdicts or {}).items():
            found = 1 if isinstance(fields, str) else len(fields)
            if found != wanted:
                raise ValueError(
                    f"mode {self.mode} takes {wanted} verdict field{'s' * (wanted - 1)} a candidate"
                    f"{' (its answer first, then second)' * (wanted - 1)}; {candidate!r} has {found}"
                )

    @property
    def is_model(self) -> bool:
        """Says whether a model is the judge; else its labels stand in the data."""
        return self.answers is None

    @property
    def model_name(self) -> str:
        """Returns the judge's name in reports."""
        if self.name is not None:
            return self.name
        if self.openai is not None:
            return self.openai.model
        return (self.file or self.artefact or "judge").rstrip("/").rpartition("/")[2]

    def verdict_fields(self, candidate: str) -> tuple[str, ...]:
        """Returns the fields of a candidate's recorded verdicts, by order; () where there are none."""
        fields = (self.verdicts or {}).get(candidate, [])
        return (fields,) if isinstance(fields, str) else tuple(fields)

    @property
    def recorded_fields(self) -> dict[str, str]:
        """Returns the fields of rows that are read, by the name under which a sample keeps them."""
        human = {human_key(name): field for name, field in self.human.items()}
        verdicts = {
            verdict_key(name, order): field
            for name in self.verdicts or {}
            for order, field in enumerate(self.verdict_fields(name))
        }
        return {**human, **verdicts}


def human_key(candidate: str) -> str:
    """Returns the name under which a sample keeps a person's label of a candidate's answer."""
    return f"judge.human:{candidate}"


def verdict_key(candidate: str, order: int) -> str:
    """Returns the name under which a sample keeps a recorded verdict on a candidate's answer."""
    return f"judge.verdicts:{candidate}:{order}"


def check_judge(judge: JudgeSpec | None, *, metric: Metric, target: Target, truth: str | None) -> None:
    """Checks that a judge, or none, goes with the metric and the target.

    Raises:
        ValueError: the bar needs no truth or is no mean, the field is the truth's own, or the metric wants
            another kind of judge.
    """
    if metric is Metric.JUDGE:
        if judge is None or not judge.is_model:
            raise ValueError(
                "metric judge asks a model: add 'judge' with 'openai', 'file', 'artefact' or 'verdicts'"
            )
        if target is Target.AGREEMENT:
            raise ValueError(
                "target agreement counts equal answers, so there is nothing to judge; use absolute or "
                "non_inferior with metric judge"
            )
        return
    if judge is None:
        return
    if judge.is_model:
        given = next(name for name in _ABOUT_MODELS if getattr(judge, name))
        raise ValueError(
            f"'judge.{given}' belongs to metric judge; metric {metric.value} takes 'judge.answers', the "
            "field of a judge's labels"
        )
    if target is Target.AGREEMENT:
        raise ValueError("target agreement needs no truth, so there is nothing to judge; remove 'judge'")
    if metric.value in _NOT_WITH:
        raise ValueError(
            f"metric {metric.value} cannot be tested with a judge's labels; use accuracy, or remove 'judge'"
        )
    if judge.answers == truth:
        raise ValueError(
            f"judge.answers and target are both {truth!r}: a judge's labels are never taken for the truth"
        )


def check_judged(judge: JudgeSpec, ladder: Iterable[tuple[str, str]] | None, *, has_reference: bool) -> None:
    """Checks that labels and verdicts in the data cover every answer that may be served.

    `ladder` lists the candidates as (name, kind), None for the automatic one. A reference is compared with
    itself where answers are compared, so it needs none there.

    Raises:
        ValueError: a candidate's answers are not recorded, or it has no field; or a name is no candidate's.
    """
    needed = [name for name, kind in ladder or () if kind != "agreement"]
    if has_reference and judge.mode == "grade":
        needed.append(REFERENCE)
    for key, fields in (("human", judge.human), ("verdicts", judge.verdicts or {})):
        if not fields:
            continue
        if ladder is None:
            raise ValueError(f"'judge.{key}' is about recorded answers: list the candidates under 'ladder'")
        live = [name for name, kind in ladder if kind not in {"recorded", "agreement"}]
        if live:
            raise ValueError(
                f"'judge.{key}' is about recorded answers, and {live[0]!r} answers anew; record its answers "
                "on these rows, or list it in a task of its own"
            )
        if missing := [name for name in needed if name not in fields]:
            raise ValueError(f"'judge.{key}' has no field for {missing[0]!r}, whose answers may be served")
        if odd := [name for name in fields if name not in needed]:
            raise ValueError(f"'judge.{key}' names {odd[0]!r}; it takes {', '.join(map(repr, needed))}")
