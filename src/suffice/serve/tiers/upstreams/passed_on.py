"""What of a client's body is passed on to a server: all but the model's name and the gateway's own fields."""

from typing import Any

import orjson

from suffice.models.http.spend import tokens_of_text
from suffice.serve.call import Call, Operation
from suffice.serve.reply import Place
from suffice.serve.tiers.upstreams.upstream_settings import OWN_PREFIX, UpstreamSettings

PATHS = {
    Operation.CHAT: "/chat/completions",
    Operation.COMPLETION: "/completions",
    Operation.EMBEDDING: "/embeddings",
    Operation.DECISION: "/decisions",
    Operation.SYSTEM_ONE: "/systemone",
}
# What servers write into the prompt beside its texts, and where tokens can be given as numbers.
_FORMS = ("tools", "functions", "response_format")
_TOKENS = ("prompt", "input")
_STREAMED = frozenset({Operation.CHAT, Operation.COMPLETION})


def body_for(settings: UpstreamSettings, call: Call, *, stream: bool) -> dict[str, Any]:
    """Returns the JSON object to send: the masked body where policy masked it and it leaves.

    A stream is asked for its usage, so that it can be charged; `hides_usage` says whether the client
    did not ask for that.
    """
    is_whole = call.masked_body is None or settings.place is Place.TRUSTED_LOCAL
    body = call.body if is_whole else call.masked_body or {}
    dropped = settings.drop_params
    sent = {
        name: value for name, value in body.items() if name not in dropped and not name.startswith(OWN_PREFIX)
    }
    sent["model"] = settings.endpoint.model
    sent.pop("stream", None)
    if not stream:
        sent.pop("stream_options", None)
        return sent
    sent["stream"] = True
    if "stream_options" not in settings.drop_params:
        options = body.get("stream_options")
        sent["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
    return sent


def can_stream(operation: Operation) -> bool:
    """Says whether an operation's reply can come in parts."""
    return operation in _STREAMED


def hides_usage(call: Call) -> bool:
    """Says whether a stream's usage is for the gateway only: the client did not ask for it."""
    options = call.body.get("stream_options")
    return not (isinstance(options, dict) and options.get("include_usage") is True)


def text_bytes(call: Call) -> int:
    """Returns the UTF-8 bytes of the texts a call sends, without its images and its form."""
    return len(call.request.text.encode("utf-8", "surrogatepass"))


def tokens_estimated(call: Call) -> int:
    """Returns about how many tokens a call sends: its texts, tools and schema (`tokens_of_text`).

    Those that it sends as numbers are counted; pictures and sounds are not known.
    """
    request, body = call.request, call.body
    texts = ["".join(turn.content for turn in request.messages) or request.text]
    texts += [orjson.dumps(body[name]).decode() for name in _FORMS if body.get(name)]
    numbers = sum(_numbers_in(body.get(name)) for name in _TOKENS)
    return tokens_of_text("".join(texts)) + numbers


def _numbers_in(value: Any) -> int:
    """Returns how many tokens a prompt holds that are given as numbers, in one list or in several."""
    if not isinstance(value, list):
        return 0
    return sum(_numbers_in(each) if isinstance(each, list) else isinstance(each, int) for each in value)
