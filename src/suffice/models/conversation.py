"""A whole chat as a decoder reads it: the template's words are markup, what the turns say is mere text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from suffice.errors import ArtefactError
from suffice.models import chat_template
from suffice.models.prompt import Part, Prompt, sendable
from suffice.task import Message

# Stand-ins for the turns' texts while the template is rendered: private-use characters, which none writes.
_STAND_IN = "\ue0f0{index}\ue0f1"
_STAND_INS = re.compile("\ue0f0(\\d+)\ue0f1")


def parts(messages: Sequence[Message], prompt: Prompt) -> tuple[Part, ...]:
    """Returns 2 n + 1 pieces of a chat of n turns: markup, turn, markup, ..., up to where the answer begins.

    The prompt gives the template; its instruction and examples are not written.

    Raises:
        ArtefactError: the template cannot be rendered, leaves a turn out, or changes their order.
    """
    turns = [
        {"role": message.role, "content": _STAND_IN.format(index=index)}
        for index, message in enumerate(messages)
    ]
    template = chat_template.CHATML if prompt.chat_template is None else prompt.chat_template
    pieces = _STAND_INS.split(chat_template.render(template, turns, bos=prompt.bos, eos=prompt.eos))
    if pieces[1::2] != [str(index) for index in range(len(messages))]:
        roles = ", ".join(message.role for message in messages)
        raise ArtefactError(
            f"the chat template does not write each turn once and in order ({roles})",
            hint="leave such chats out, or give another chat_template",
        )
    made = [Part(text=pieces[0], is_markup=True)]
    for message, markup in zip(messages, pieces[2::2], strict=True):
        made.append(Part(text=sendable(message.content.strip()), is_markup=False))
        made.append(Part(text=markup, is_markup=True))
    return tuple(made)
