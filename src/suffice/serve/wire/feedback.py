"""`/v1/feedback`: what somebody says of an answer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from suffice.serve.errors import BadCall
from suffice.serve.judgement import Judgement
from suffice.serve.wire import body as fields
from suffice.serve.wire.asked import Json

_LONGEST = 100_000
_CHECKS: Mapping[str, fields.Check] = {
    "label": fields.a_text,
    "correct": fields.a_boolean,
    "score": fields.a_number(0, 1),
    "comment": fields.a_text,
}


def read(body: Json, *, key_id: str, at: datetime) -> Judgement:
    """Returns the judgement a body holds: {request_id, label | correct | score, comment}.

    Raises:
        BadCall: it judges nothing, or has fields that nobody would read.
    """
    request_id = fields.required_text(body, "request_id")
    fields.check_fields(body, _CHECKS)
    unknown = sorted(set(body) - set(_CHECKS) - {"request_id"})
    if unknown:
        raise BadCall(
            f"unknown field {unknown[0]!r}; known fields: request_id, {', '.join(_CHECKS)}", param=unknown[0]
        )
    said: dict[str, Any] = {name: body[name] for name in _CHECKS if body.get(name) is not None}
    if not said.keys() - {"comment"}:
        raise BadCall("one of label, correct and score is missing", code="missing_required_parameter")
    for name in ("label", "comment"):
        if len(said.get(name, "")) > _LONGEST:
            raise BadCall(f"{name} is longer than {_LONGEST:,} characters", param=name)
    return Judgement(request_id=request_id, key_id=key_id, at=at, **said)
