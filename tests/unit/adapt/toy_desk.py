"""A small made-up help desk: words by label, sentences by chance."""

from collections.abc import Sequence

import numpy as np

from suffice import fingerprint
from suffice.ports import TrainingRows
from suffice.task import Sample

WORDS = {
    "card": ["card", "visa", "plastic", "chip", "pin"],
    "loan": ["loan", "mortgage", "borrow", "repay", "lend"],
    "rate": ["rate", "interest", "percent", "yield", "apr"],
    "travel": ["flight", "hotel", "luggage", "ticket", "airport"],
}
LABELS = tuple(sorted(WORDS))
_FILL = ["please", "can", "you", "tell", "me", "about", "my", "the", "a", "now", "today", "want", "with"]


def texts(n: int, *, seed: int) -> tuple[list[str], list[str]]:
    """Returns n sentences and their labels."""
    draw = np.random.default_rng(seed)
    made, labels = [], []
    for _ in range(n):
        label = LABELS[int(draw.integers(len(LABELS)))]
        words = [*draw.choice(_FILL, 4), *draw.choice(WORDS[label], 2)]
        made.append(" ".join(draw.permutation(words)))
        labels.append(label)
    return made, labels


def samples(n: int, *, seed: int) -> tuple[Sample, ...]:
    """Returns n samples."""
    made = texts(n, seed=seed)
    return tuple(of(text, label) for text, label in zip(*made, strict=True))


def of(text: str, label: str | None) -> Sample:
    """Returns one sample."""
    return Sample(key=fingerprint.of_text(text), text=text, target=label)


def rows(
    n: int = 160,
    *,
    dev: int = 60,
    unlabelled: Sequence[Sample] = (),
    labels: Sequence[str] = LABELS,
) -> TrainingRows:
    """Returns train and dev rows."""
    return TrainingRows(
        labels=tuple(labels), train=samples(n, seed=1), dev=samples(dev, seed=2), unlabelled=unlabelled
    )


def hear_nothing(what: str, done: float, total: float) -> None:
    """Does nothing with the progress it hears of."""
    assert what
    assert 0 <= done <= total
