"""Chats as rows to learn from: every assistant turn is learnt, everything else is only read."""

from collections.abc import Sequence

import numpy as np

from suffice.adapt.decoder.examples import Example, Tokenize
from suffice.errors import ArtefactError, DataError
from suffice.models import conversation
from suffice.models.prompt import Prompt, sendable
from suffice.task import Message


def example(
    messages: Sequence[Message], answer: str, *, prompt: Prompt, tokenize: Tokenize, end: Sequence[int]
) -> Example:
    """Returns a chat and its answer as one row; what turns say is no markup, the template's words are.

    Each assistant turn is learnt with its end, the answer as the last of them.

    Raises:
        DataError: the chat template cannot be rendered, leaves a turn out, or changes their order.
    """
    try:
        parts = conversation.parts(messages, prompt)
    except ArtefactError as error:
        raise DataError(f"a chat cannot be learnt from: {error}", hint=error.hint) from error
    ids: list[int] = []
    is_answer: list[bool] = []

    def add(tokens: Sequence[int], *, learnt: int) -> None:
        ids.extend(tokens)
        is_answer.extend(place < learnt for place in range(len(tokens)))

    is_after_own = False
    for index, part in enumerate(parts):
        tokens = tokenize(part.text, part.is_markup)
        if part.is_markup:
            # A turn's end is the markup's first token, if it is the one at which answers stop.
            add(tokens, learnt=len(end) if is_after_own and tokens[: len(end)] == list(end) else 0)
        else:
            is_after_own = messages[index // 2].role == "assistant"
            add(tokens, learnt=len(tokens) if is_after_own else 0)
    last = [*tokenize(sendable(answer.strip()), False), *end]  # noqa: FBT003 - an answer is no markup
    add(last, learnt=len(last))
    return Example(ids=np.array(ids, np.int32), is_answer=np.array(is_answer, np.bool_))
