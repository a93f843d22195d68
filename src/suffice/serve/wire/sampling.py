"""What chats and completions share: how a text is drawn, cut and counted."""

from collections.abc import Mapping
from typing import Any

from suffice.models.http.spend import tokens_of_text
from suffice.ports import Request, Usage
from suffice.serve.errors import BadCall
from suffice.serve.wire import body as fields
from suffice.serve.wire.asked import Json

_MOST_CHOICES = 128
# What a call with n above 1 needs: a local model has one answer to a text, whatever chance says.
SEVERAL = "several answers"
_MOST_STOPS = 4


def _stops(value: Any, param: str) -> None:
    texts = value if isinstance(value, list) else [value]
    if len(texts) > _MOST_STOPS or not all(isinstance(text, str) and text for text in texts):
        raise fields.wrong(
            value, param, f"a text or a list of at most {_MOST_STOPS} texts, none of them empty"
        )


SAMPLING: Mapping[str, fields.Check] = {
    "stream": fields.a_boolean,
    "stream_options": fields.an_object,
    "n": fields.a_whole_number(1, _MOST_CHOICES),
    "stop": _stops,
    "temperature": fields.a_number(0, 2),
    "top_p": fields.a_number(0, 1),
    "presence_penalty": fields.a_number(-2, 2),
    "frequency_penalty": fields.a_number(-2, 2),
    "max_tokens": fields.a_whole_number(1),
    "seed": fields.a_whole_number(-(2**63), 2**63 - 1),
    "logit_bias": fields.an_object,
    "user": fields.a_text,
}


def check_stream(body: Json) -> bool:
    """Returns whether the client wants a stream.

    Raises:
        BadCall: options for a stream that is not wanted.
    """
    stream = body.get("stream") is True
    if not stream and body.get("stream_options") is not None:
        raise BadCall("stream_options is only allowed with stream: true", param="stream_options")
    return stream


def wants_usage(body: Json) -> bool:
    """Says whether the stream should end with a chunk that holds the usage."""
    options = body.get("stream_options")
    return options is not None and options.get("include_usage") is True


def choices_wanted(body: Json) -> int:
    """Returns how many choices the client wants."""
    return body.get("n") or 1


def stopped(text: str, stop: Any) -> str:
    """Returns the text up to the first of the client's stop texts, which is left out."""
    if stop is None:
        return text
    ends = [text.find(one) for one in (stop if isinstance(stop, list) else [stop])]
    return text[: min((end for end in ends if end >= 0), default=len(text))]


def usage_of(usage: Usage, request: Request, said: str) -> dict[str, Any]:
    """Returns the usage in OpenAI's shape; where a model counts no tokens, an estimate that says so.

    Clients add the counts up without looking, so there are always numbers; `estimated` is there, and
    true, where one of them comes from the texts' bytes (`tokens_of_text`). Events keep what is known alone.
    """
    read, written = usage.input_tokens, usage.output_tokens
    if read is not None and written is not None:
        return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    if read is None:
        read = tokens_of_text("".join([turn.content for turn in request.messages]) or request.text)
    if written is None:
        written = tokens_of_text(said)
    counts = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    return {**counts, "estimated": True}
