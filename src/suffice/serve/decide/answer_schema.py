"""Whether an answer is JSON that fits the schema the client asked for, before it is handed out.

What is said of a misfit names the keyword that was broken, never a value: reasons are kept where
contents are not.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import orjson

from suffice.serve.decide.bounded_validator import TooManySteps, check, validator_of
from suffice.serve.decide.schema_form import SchemaRefused, check_form
from suffice.serve.errors import BadCall
from suffice.serve.json_shape import brackets_in, excess_in, excess_unparsed

_LARGEST_BYTES = 1 << 16
_ANY_OBJECT = {"type": "object"}
# What the root of a schema may say of itself without a meaning here.
_ABOUT_ITSELF = frozenset({"$id", "$schema", "$comment", "$vocabulary"})


class AnswerSchema:
    """One schema, ready to be held against answers."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._validator = validator_of(schema)

    def misfit(self, text: str) -> str | None:
        """Returns why a text does not fit, None where it does.

        Raises:
            BadCall: the schema takes too long to be held against this answer.
        """
        raw = text.encode("utf-8", "surrogatepass")
        brackets = brackets_in(raw)
        excess = excess_unparsed(raw, brackets)
        try:
            value = None if excess else orjson.loads(raw)
        except orjson.JSONDecodeError:
            return "the answer is not JSON"
        if excess := excess or excess_in(value, brackets):
            return f"the answer has {excess}"
        try:
            error = check(self._validator, value)
        except TooManySteps as problem:
            raise BadCall("the schema takes too long to check", param="response_format") from problem
        except ArithmeticError:
            return "the answer does not fit the schema (a number out of range)"
        return None if error is None else f"the answer does not fit the schema ({error.validator})"


class AnswerSchemas:
    """The schemas asked for of late, compiled once each."""

    def __init__(self, *, remembered: int = 256) -> None:
        self._remembered = remembered
        self._by_hash: OrderedDict[bytes, AnswerSchema] = OrderedDict()

    def of(self, schema: Mapping[str, Any]) -> AnswerSchema:
        """Returns the schema compiled; {} stands for any JSON object.

        Raises:
            BadCall: it is no schema, too large, or needs what is elsewhere.
        """
        try:
            written = orjson.dumps(schema, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError as error:
            raise _refused(f"it is nested too deep, or no JSON: {error}") from error
        if len(written) > _LARGEST_BYTES:
            raise _refused(f"{len(written):,} bytes are more than {_LARGEST_BYTES:,}")
        key = hashlib.sha256(written).digest()
        known = self._by_hash.get(key)
        if known is not None:
            self._by_hash.move_to_end(key)
            return known
        # From its own bytes: what the client's body holds may be changed by others later.
        compiled = self._by_hash[key] = _compiled(orjson.loads(written) or _ANY_OBJECT)
        if len(self._by_hash) > self._remembered:
            self._by_hash.popitem(last=False)
        return compiled


def _compiled(schema: Mapping[str, Any]) -> AnswerSchema:
    own = {name: value for name, value in schema.items() if name not in _ABOUT_ITSELF}
    try:
        check_form(own)
    except SchemaRefused as error:
        raise _refused(str(error)) from error
    return AnswerSchema(own)


def _refused(why: str) -> BadCall:
    return BadCall(f"the answer's JSON Schema cannot be used: {why}", param="response_format")
