"""Which train rows are shown as examples, and by which codes labels are answered."""

import string
from collections import Counter, deque
from collections.abc import Callable, Sequence

import numpy as np

from suffice.errors import DataError, SpecError
from suffice.task import Sample


def fixed_shots(samples: Sequence[Sample], count: int, *, labels: Sequence[str], seed: int) -> list[Sample]:
    """Returns `count` rows to be shown with every request, in the order in which they are shown.

    They are drawn from the shorter half of the rows, by characters of the text, so that a prompt stays
    short and no odd row stands for the task; where that half is used up, from the rest. With labels each
    one gets as many as any other, up to one; of too many labels the most frequent ones are shown. The
    order is drawn, too: a prompt that ends in several rows of one label would lean to it (Zhao et al.
    2021, Calibrate Before Use).

    Raises:
        DataError: there are fewer rows.
    """
    if len(samples) < count:
        raise DataError(
            f"{count} shots are asked for; there are {len(samples)} train rows with a target",
            hint="ask for fewer shots, or give more rows",
        )
    rng = np.random.default_rng(seed)
    frequency = Counter(str(sample.target) for sample in samples)
    groups = sorted(frequency, key=lambda label: (-frequency[label], label)) if labels else [""]
    queues = [_drawn([s for s in samples if not labels or str(s.target) == group], rng) for group in groups]
    chosen: list[Sample] = []
    while len(chosen) < count:
        for queue in queues:
            if queue and len(chosen) < count:
                chosen.append(queue.popleft())
    return [chosen[place] for place in rng.permutation(count)]


def kept_rows(samples: Sequence[Sample], most: int) -> list[Sample]:
    """Returns at most `most` rows to choose the nearest from: by their keys, which are hashes, at random."""
    return sorted(samples, key=lambda sample: sample.key)[:most]


def codes_of(labels: Sequence[str], tokenize: Callable[[str], list[int]]) -> tuple[tuple[str, str], ...]:
    """Returns a code of one token for each label: A to Z, then AA, AB and so on, those this tokenizer has.

    Raises:
        SpecError: there are fewer such codes than labels.
    """
    letters = string.ascii_uppercase
    codes: list[str] = []
    seen: set[int] = set()
    for code in [*letters, *(first + second for first in letters for second in letters)]:
        tokens = tokenize(code)
        if len(codes) < len(labels) and len(tokens) == 1 and tokens[0] not in seen:
            codes.append(code)
            seen.add(tokens[0])
    if len(codes) < len(labels):
        raise SpecError(
            f"{len(labels)} labels need as many codes of one token; this tokenizer has {len(codes)}",
            hint="leave out 'codes: true'",
        )
    return tuple(zip(labels, codes, strict=True))


def _drawn(samples: Sequence[Sample], rng: np.random.Generator) -> deque[Sample]:
    """Returns the rows in the order in which they are taken: the shorter half drawn, then the rest."""
    by_length = sorted(samples, key=lambda sample: (len(sample.text), sample.key))
    half = -(-len(by_length) // 2)
    drawn = [by_length[place] for place in rng.permutation(half)]
    return deque([*drawn, *by_length[half:]])
