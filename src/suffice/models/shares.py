"""A classifier's probabilities as an answer shows them, where the request asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from suffice.ports import Request

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def shares_of(
    request: Request, labels: Sequence[str], probabilities: NDArray[np.float64]
) -> tuple[tuple[str, float], ...]:
    """Returns each label with its probability; () where the request does not ask: most do not."""
    if not request.wants_probabilities:
        return ()
    return tuple(zip(labels, probabilities.tolist(), strict=True))
