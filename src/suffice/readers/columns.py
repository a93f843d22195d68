"""Which field of a row is the input, the truth, the reference's answer: as told, or as the format has it."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from suffice.errors import DataError
from suffice.readers.detect import Records
from suffice.readers.source import LAST_ASSISTANT, LAST_USER
from suffice.readers.spec import Spec

_INPUT_OF = {
    Records.CHAT: LAST_USER,
    Records.LOG: LAST_USER,
    Records.BATCH_INPUT: LAST_USER,
    Records.EVALS: LAST_USER,
    Records.TEACHER: "input",
}
_REFERENCE_OF = {Records.LOG: LAST_ASSISTANT, Records.TEACHER: "teacher"}


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The fields that are used; None where there is none."""

    input: str
    target: str | None = None
    reference: str | None = None
    judge: str | None = None
    recorded: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    id: str | None = None
    latency_ms: str | None = None

    @property
    def used(self) -> set[str]:
        """Returns the names of all fields that are used."""
        answers = {self.target, self.reference, self.judge}
        single = {self.input, *answers, self.group, self.id, self.latency_ms}
        return {name for name in single if name} | set(self.recorded.values())


def columns_of(spec: Spec, records: Records, names: Iterable[str]) -> Columns:
    """Returns the fields to read for a spec, from rows of a format whose first row has these names.

    In chats the last assistant turn is the truth, unless the task file names another truth or a
    recorded reference: one answer is never both.

    Raises:
        DataError: no input is named and none can be told; the reference's answers cannot be told.
    """
    present = list(names)
    told = spec.input or _INPUT_OF.get(records) or ("text" if "text" in present else None)
    if told is None:
        raise DataError(
            f"which field is the input? The columns are {_listed(present)}",
            hint=f"add e.g. `input: {present[0] if present else 'text'}` to the task file",
        )
    target = spec.target
    reference = _reference(spec, records)
    if target is None and records is Records.EVALS:
        target = "ideal"
    if target is None and records is Records.CHAT and reference is None:
        target = LAST_ASSISTANT
    latency = spec.reference.latency_ms if spec.reference else None
    return Columns(
        input=told,
        target=target,
        reference=reference,
        judge=spec.judge.answers if spec.judge is not None else None,
        recorded=spec.recorded_fields,
        group=spec.group,
        id=spec.id,
        latency_ms=latency if isinstance(latency, str) else None,
    )


def missing_column(name: str, present: Iterable[str], *, file: str, role: str) -> DataError:
    """Returns the error for a field that no row has; names the columns there are and the nearest one."""
    names = sorted(str(column) for column in present)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"correct `{role}:` in the task file"
    return DataError(f"{file} has no column {name!r} ({role}); its columns are {_listed(names)}", hint=hint)


def _reference(spec: Spec, records: Records) -> str | None:
    if spec.reference is None or spec.reference.openai is not None:
        return None
    if spec.reference.answers is not None:
        return spec.reference.answers
    if records is Records.CHAT and spec.target != LAST_ASSISTANT:
        return LAST_ASSISTANT
    found = _REFERENCE_OF.get(records)
    if found is None:
        raise DataError(
            f"where are the reference's answers? The files hold {records.value}",
            hint="add `answers: <field>` under `reference:`, or `openai:` to call it",
        )
    return found


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:20])
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return (shown + more) or "none"
