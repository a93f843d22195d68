"""A decoder that reads whole chats: one taught to answer, with nothing said before the user's turns."""

from __future__ import annotations

from suffice.errors import ArtefactError
from suffice.models import conversation
from suffice.models.gguf.served import Prompted, Served
from suffice.models.gguf.settings import DecoderSettings
from suffice.ports import Request
from suffice.task import Kind


class ChatServed(Served):
    """A decoder whose prompts have no shared beginning, because a chat may begin in any way."""

    def beginning(self) -> list[int]:
        """Returns the tokens that all prompts begin with: none."""
        return []

    def prompted(self, request: Request) -> Prompted:
        """Returns a request as tokens: all its turns, or its text where it has no turns before the last."""
        prompt = self.settings.prompt
        parts = prompt.parts(request)
        notes: tuple[str, ...] = ()
        if len(request.messages) > 1:
            try:
                parts = conversation.parts(request.messages, prompt)
            except ArtefactError as error:
                notes = (f"only the last turn was read: {error}",)
        return Prompted(tokens=self.engine.tokenize(parts, is_start=True), notes=notes)

    def changed(self, settings: DecoderSettings) -> Served:
        """Returns the same engine with other settings."""
        kind = ChatServed if reads_chats(settings) else Served
        return kind(settings, self.engine)


def reads_chats(settings: DecoderSettings) -> bool:
    """Says whether whole chats are read: the task is to write text, with no instruction or example shown."""
    prompt = settings.prompt
    is_bare = prompt.style == "chat" and not prompt.instruction and not prompt.shots
    return settings.kind is Kind.GENERATE and is_bare and not settings.nearest
