"""`/v1/embeddings`: texts to calls, replies to vectors."""

from collections.abc import Mapping
from typing import Any

from suffice.serve.call import Call, Operation
from suffice.serve.errors import BadCall
from suffice.serve.reply import Reply
from suffice.serve.wire import body as fields
from suffice.serve.wire import questions as shared
from suffice.serve.wire.asked import Api, Asked, Json
from suffice.serve.wire.turns import text_request

_MOST_INPUTS = 2048


def _format(value: Any, param: str) -> None:
    if value not in ("float", "base64"):
        raise fields.wrong(value, param, '"float" or "base64"')


_CHECKS: Mapping[str, fields.Check] = {
    "encoding_format": _format,
    "dimensions": fields.a_whole_number(1),
    "user": fields.a_text,
}


def read(body: Json) -> Asked:
    """Returns what is to become vectors: one text or several. Lists of tokens are for remote tiers.

    Raises:
        BadCall: the body holds no texts; `param` names the field.
    """
    model = fields.required_text(body, "model")
    fields.check_fields(body, _CHECKS)
    value = body.get("input")
    if value is None:
        raise BadCall("input is missing", param="input", code="missing_required_parameter")
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list):
        raise fields.wrong(value, "input", "a text, or a list of texts or tokens")
    needs = frozenset[str]()
    kinds = set(map(type, texts))  # a quarter of a look at each one
    if not kinds <= {str}:
        if not (_are_tokens(texts) or (kinds == {list} and all(map(_are_tokens, texts)))):
            raise fields.wrong(value, "input", "a text, or a list of texts or tokens")
        texts, needs = [], frozenset({"vectors of tokens; send texts"})
    else:
        shared.check_count(len(texts), "input", 1, _MOST_INPUTS)
    return Asked(model=model, body=body, request=text_request("\n".join(texts)), needs=needs)


def whole(call: Call, reply: Reply, created: int) -> dict[str, Any]:  # noqa: ARG001 - the form has no time
    """Returns the list of vectors of a reply, with the served model's name."""
    return {**(reply.payload or {}), "model": reply.model}


def _are_tokens(values: list[Any]) -> bool:
    return set(map(type, values)) == {int} and min(values) >= 0


API = Api(operation=Operation.EMBEDDING, read=read, whole=whole, is_for_people=False)
