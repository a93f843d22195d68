"""A chat template's rendering in a sandbox: templates come from foreign files and may say anything."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from suffice.errors import ArtefactError

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

CHATML = (
    "{% for message in messages %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

_LONGEST_TEMPLATE = 100_000  # characters; the longest published ones have some 20,000
_LONGEST_PROMPT = 2_000_000  # characters
_LARGEST_PRODUCT = 1_000_000
# Some templates write today's date. A prompt that changes overnight cannot be certified: the date is fixed,
# at the one Llama 3's template itself falls back on.
_DATE = dt.date(2024, 7, 26)


class _NoSystemRole(Exception):  # noqa: N818 - never leaves this file as an error
    """What a template raises by `raise_exception`, most often because it knows no system role."""


def render(template: str, messages: Sequence[Mapping[str, str]], *, bos: str = "", eos: str = "") -> str:
    """Returns the chat as the model reads it, up to where its answer begins.

    The settings are those of the published templates (trim_blocks, lstrip_blocks, loop controls). A
    template that refuses the system role gets the system's words at the head of the first user turn.

    Raises:
        ArtefactError: the template is too long, is no template, or does what the sandbox forbids.
    """
    import jinja2  # noqa: PLC0415 - `import suffice` stays light

    if len(template) > _LONGEST_TEMPLATE:
        raise ArtefactError(
            f"the chat template has {len(template):,} characters; at most {_LONGEST_TEMPLATE:,}"
        )
    try:
        compiled = _environment().from_string(template)
        try:
            text = _rendered(compiled, messages, bos, eos)
        except _NoSystemRole:
            text = _rendered(compiled, _folded(messages), bos, eos)
    except (jinja2.TemplateError, _NoSystemRole) as error:
        raise ArtefactError(f"the chat template cannot be used: {error}") from error
    except (TypeError, ValueError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ArtefactError(f"the chat template cannot be used: {error!r}") from error
    if len(text) > _LONGEST_PROMPT:
        raise ArtefactError(f"the chat template made {len(text):,} characters of a short chat")
    return text


def _rendered(compiled: Any, messages: Sequence[Mapping[str, str]], bos: str, eos: str) -> str:
    turns = [dict(message) for message in messages]
    text: str = compiled.render(messages=turns, add_generation_prompt=True, bos_token=bos, eos_token=eos)
    return text


def _folded(messages: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Returns the chat without a system turn: its words stand before the first user turn's."""
    system = "\n\n".join(message["content"] for message in messages if message["role"] == "system")
    others = [dict(message) for message in messages if message["role"] != "system"]
    if system and others:
        others[0]["content"] = f"{system}\n\n{others[0]['content']}"
    return list(others)


def _environment() -> ImmutableSandboxedEnvironment:
    from jinja2.exceptions import SecurityError  # noqa: PLC0415
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    class Sandbox(ImmutableSandboxedEnvironment):
        """Jinja's sandbox, which also refuses products and powers that would fill the memory."""

        intercepted_binops = frozenset({"*", "**"})

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            """Returns the product or power of two small numbers, and refuses all others."""
            both = (left, right)
            if not all(isinstance(one, int | float) and abs(one) <= _LARGEST_PRODUCT for one in both):
                raise SecurityError(f"operator {operator!r} is for small numbers only")
            if operator == "**" and abs(right) > 64:
                raise SecurityError(f"the power {right} is too large")
            return super().call_binop(context, operator, left, right)

    def refuse(message: str) -> None:
        raise _NoSystemRole(message)

    environment = Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = _DATE.strftime
    environment.filters["tojson"] = _to_json
    return environment


def _to_json(value: Any, indent: int | None = None) -> str:
    """Returns plain JSON; Jinja's own filter would escape for HTML."""
    return json.dumps(value, ensure_ascii=False, indent=indent)
