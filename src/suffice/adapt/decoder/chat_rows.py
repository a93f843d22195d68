"""Chats as rows to learn from: every assistant turn is learnt, everything else is only read."""

from collections.abc import Sequence

import numpy as np

from suffice.adapt.decoder.examples import Example, Tokenize
from suffice.errors import DataError
from suffice.models import chat_template
from suffice.models.prompt import Prompt, sendable
from suffice.task import Message

_STAND_IN = "\ue0f0{index}\ue0f1"


def example(
    messages: Sequence[Message], answer: str, *, prompt: Prompt, tokenize: Tokenize, end: Sequence[int]
) -> Example:
    """Returns a chat and its answer as one row; what turns say is no markup, the template's words are.

    Raises:
        ArtefactError: the chat template cannot be rendered.
        DataError: the template leaves a turn out, or changes their order.
    """
    turns = [
        {"role": message.role, "content": _STAND_IN.format(index=index)}
        for index, message in enumerate(messages)
    ]
    template = chat_template.CHATML if prompt.chat_template is None else prompt.chat_template
    rendered = chat_template.render(template, turns, bos=prompt.bos, eos=prompt.eos)
    ids: list[int] = []
    is_answer: list[bool] = []

    def add(tokens: Sequence[int], *, learnt: bool) -> None:
        ids.extend(tokens)
        is_answer.extend([learnt] * len(tokens))

    for index, message in enumerate(messages):
        before, found, rendered = rendered.partition(_STAND_IN.format(index=index))
        if not found:
            raise DataError(
                f"the chat template does not write turn {index + 1} ({message.role}) once and in order",
                hint="leave such chats out, or give another chat_template",
            )
        add(tokenize(before, True), learnt=False)  # noqa: FBT003 - markup
        is_own = message.role == "assistant"
        add(tokenize(sendable(message.content.strip()), False), learnt=is_own)  # noqa: FBT003 - no markup
    add(tokenize(rendered, True), learnt=False)  # noqa: FBT003 - markup
    add([*tokenize(sendable(answer), False), *end], learnt=True)  # noqa: FBT003 - no markup
    return Example(ids=np.array(ids, np.int32), is_answer=np.array(is_answer, np.bool_))
