"""What of a client's body is passed on to a server: all but the model's name and the gateway's own fields."""

from typing import Any

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
    """Returns about how many tokens a call's texts have (`tokens_of_text`)."""
    request = call.request
    return tokens_of_text("".join(turn.content for turn in request.messages) or request.text)
