"""`/v1/responses`: read as a chat, answered as a Response; nothing is kept between calls."""

from suffice.serve.call import Operation
from suffice.serve.wire import body as fields
from suffice.serve.wire import chat
from suffice.serve.wire.asked import Api, Asked, Json, StreamForm
from suffice.serve.wire.responses.as_chat import chat_body_of
from suffice.serve.wire.responses.events import ResponseWriter
from suffice.serve.wire.responses.output import whole


def read(body: Json) -> Asked:
    """Returns what a Responses body asks, as the chat that servers are sent.

    Raises:
        BadCall: the body cannot be used, or needs a server that keeps conversations.
    """
    fields.required_text(body, "model")
    return chat.read(chat_body_of(body))


API = Api(operation=Operation.CHAT, read=read, whole=whole, stream=StreamForm(chat.parts, ResponseWriter))
