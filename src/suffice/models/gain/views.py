"""One request seen four ways: its words, its meaning, its form, and what the small model made of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from suffice.models.gain import answer_features, prompt_features, word_rows

Embed = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Exchanges:
    """n prompts with what the small model said to them, as far as it has been asked.

    `confidence` and `novelty`: (n,) in [0, 1], as the model gives them. A score from prompts alone is a
    router's; one that sees the answers is a cascade's, and costs one small call for every request.
    """

    prompts: Sequence[str]
    answers: Sequence[str] | None = None
    confidence: NDArray[np.float64] | None = None
    novelty: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        for name in ("answers", "confidence", "novelty"):
            given = getattr(self, name)
            if given is not None and len(given) != len(self.prompts):
                raise ValueError(f"{len(given)} {name} for {len(self.prompts)} prompts")

    @property
    def parts(self) -> tuple[str, ...]:
        """Returns the names of what is known besides the prompts."""
        return tuple(name for name in ("answers", "confidence", "novelty") if getattr(self, name) is not None)


@dataclass(frozen=True, kw_only=True)
class Views:
    """The exchanges as numbers: n rows each.

    `words`: hashed counts. `prompt_vectors`: (n, d) unit vectors, d = 0 without an encoder. `answer_vectors`:
    likewise, of the answers. `form`: the prompts' form. `said`: features of answers, confidence and novelty.
    """

    words: csr_matrix
    prompt_vectors: NDArray[np.float32]
    answer_vectors: NDArray[np.float32]
    form: NDArray[np.float64]
    said: NDArray[np.float64]


def views_of(exchanges: Exchanges, embed: Embed | None) -> Views:
    """Returns the views; without `embed`, or without answers, their vectors have no columns."""
    prompts, answers = exchanges.prompts, exchanges.answers
    nothing = np.zeros((len(prompts), 0), np.float32)
    said = [
        column.astype(np.float64)[:, None]
        for column in (exchanges.confidence, exchanges.novelty)
        if column is not None
    ]
    if answers is not None:
        said.append(answer_features.answer_matrix(prompts, answers))
    return Views(
        words=word_rows.counted_words(prompts),
        prompt_vectors=nothing if embed is None else embed(prompts),
        answer_vectors=nothing if embed is None or answers is None else embed(answers),
        form=prompt_features.prompt_matrix(prompts),
        said=np.concatenate([np.zeros((len(prompts), 0)), *said], axis=1),
    )
