"""What tuning makes a decoder forget: its loss on plain sentences, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from scipy import stats

from suffice.adapt.decoder import loop
from suffice.adapt.decoder.examples import Example
from suffice.adapt.decoder.tuning.base_model import BaseModel
from suffice.errors import SpecError

_SHIPPED = "canary.txt"
_LEAST_SENTENCES, _MOST_SENTENCES = 10, 500
_MOST_TOKENS = 256


@dataclass(frozen=True, kw_only=True)
class Forgetting:
    """Mean loss (nats per token, each sentence counting alike) of the base and of the tuned model.

    `rise` is their difference, with its 95% interval over the sentences (Student's t, paired).
    """

    base_loss: float
    tuned_loss: float
    rise: float
    rise_low: float
    rise_high: float
    sentences: int


def sentences(path: str = "") -> tuple[str, ...]:
    """Returns the lines of a text file, by default suffice's own 40 English sentences.

    Raises:
        SpecError: the file cannot be read, or has fewer than 10 lines.
    """
    try:
        source = Path(path).expanduser() if path else resources.files(__package__) / _SHIPPED
        lines = [line.strip() for line in source.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"the canary text {path!r} cannot be read: {error}") from error
    if len(lines) < _LEAST_SENTENCES:
        raise SpecError(f"the canary text {path!r} has {len(lines)} lines; {_LEAST_SENTENCES} are wanted")
    return tuple(lines[:_MOST_SENTENCES])


def losses(base: BaseModel, texts: Sequence[str]) -> list[float]:
    """Returns the mean loss of each text of two tokens or more, in nats per token, as the model is now.

    Longer ones than 256 tokens are read to there.
    """
    found = []
    for text in texts:
        ids = [*base.vocabulary.tokenize([], is_start=True), *base.tokenize(text, False)][:_MOST_TOKENS]  # noqa: FBT003 - no markup
        if len(ids) > 1:
            row = Example(ids=np.array(ids, np.int32), is_answer=np.ones(len(ids), np.bool_))
            found.append(loop.measured(base, base.trained, [row], batch_tokens=_MOST_TOKENS).loss)
    return found


def forgetting(before: Sequence[float], after: Sequence[float]) -> Forgetting:
    """Returns how far the losses rose, sentence by sentence."""
    rises = np.asarray(after) - np.asarray(before)
    n = len(rises)
    spread = float(stats.t.ppf(0.975, n - 1) * rises.std(ddof=1) / np.sqrt(n))
    rise = float(rises.mean())
    return Forgetting(
        base_loss=float(np.mean(before)),
        tuned_loss=float(np.mean(after)),
        rise=rise,
        rise_low=rise - spread,
        rise_high=rise + spread,
        sentences=n,
    )
