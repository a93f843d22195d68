"""What a decoder learns from: rows of tokens, and which of them are its answers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suffice.models.prompt import Prompt
from suffice.ports import Request
from suffice.task import JsonValue, Sample

# Turns a text into tokens; in markup (True) control tokens count.
Tokenize = Callable[[str, bool], list[int]]

_LENGTH_NOISE = 3.0  # tokens: texts of about one length are read together, in ever new company


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """One row: its tokens, and which of them the model has to say itself; (T,) both."""

    ids: NDArray[np.int32]
    is_answer: NDArray[np.bool_]

    def begun_with(self, first: Sequence[int]) -> "Example":
        """Returns the row with a model's first token before it, unless it begins with it."""
        if list(self.ids[: len(first)]) == list(first):
            return self
        return Example(
            ids=np.concatenate([np.array(first, np.int32), self.ids]),
            is_answer=np.concatenate([np.zeros(len(first), np.bool_), self.is_answer]),
        )


def example(
    request: Request, target: JsonValue, *, prompt: Prompt, tokenize: Tokenize, end: Sequence[int]
) -> Example:
    """Returns prompt, answer and end as one row; each piece is tokenised for itself, as in serving."""
    before = [token for part in prompt.parts(request) for token in tokenize(part.text, part.is_markup)]
    answer = [*tokenize(prompt.answer_text(target), False), *end]  # noqa: FBT003 - an answer is no markup
    is_answer = np.zeros(len(before) + len(answer), np.bool_)
    is_answer[len(before) :] = True
    return Example(ids=np.array([*before, *answer], np.int32), is_answer=is_answer)


def request_of(sample: Sample) -> Request:
    """Returns what a model is asked about a sample."""
    return Request(text=sample.text, key=sample.key, messages=sample.messages)


def batches(
    examples: Sequence[Example], batch_tokens: int, *, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Yields positions of examples of about one length, at most `batch_tokens` tokens with filling.

    Every example is in one batch; one that is longer has a batch for itself. In random order.
    """
    lengths = np.array([len(one.ids) for one in examples])
    order = np.argsort(lengths + rng.random(len(lengths)) * _LENGTH_NOISE, kind="stable")
    made: list[list[int]] = [[]]
    longest = 0
    for place in order:
        longest = max(longest, int(lengths[place]))
        if made[-1] and longest * (len(made[-1]) + 1) > batch_tokens:
            made.append([])
            longest = int(lengths[place])
        made[-1].append(int(place))
    for at in rng.permutation(len(made)):
        if made[at]:
            yield np.array(made[at], np.int64)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows filled up to one length: (B, T) tokens, and the weight of saying each of them right."""

    ids: Any
    weights: Any


def batch(
    torch: Any, examples: Sequence[Example], *, pad_id: int, document_weight: float, device: str
) -> Batch:
    """Returns the examples as tensors; a row's first token and the filling weigh nothing."""
    longest = max(len(one.ids) for one in examples)
    ids = np.full((len(examples), longest), pad_id, np.int64)
    weights = np.zeros((len(examples), longest), np.float32)
    for row, one in enumerate(examples):
        ids[row, : len(one.ids)] = one.ids
        weights[row, : len(one.ids)] = np.where(one.is_answer, 1.0, document_weight)
    weights[:, 0] = 0.0
    return Batch(ids=torch.from_numpy(ids).to(device), weights=torch.from_numpy(weights).to(device))
