"""Asking a local tier why it answers as it does."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from suffice.errors import SufficeError
from suffice.ports import Request
from suffice.serve.errors import CallError, NobodyAnswered
from suffice.serve.tiers.bundles.explanation import Explanation


@runtime_checkable
class Explaining(Protocol):
    """A tier that can say why."""

    async def explain(self, request: Request) -> Explanation:
        """Returns what every rung says to a request.

        Raises:
            SufficeError: it cannot be asked.
        """
        ...


class TiersExplain:
    """Finds the tier by its name; `tiers` returns those that are served now."""

    def __init__(self, tiers: Callable[[], Mapping[str, object]]) -> None:
        self._tiers = tiers

    async def __call__(self, tier: str, request: Request) -> Mapping[str, Any] | None:
        """Returns the explanation as JSON; None where the tier is gone, or cannot explain itself.

        Raises:
            CallError: it cannot be asked now.
        """
        found = self._tiers().get(tier)
        if not isinstance(found, Explaining):
            return None
        try:
            return (await found.explain(request)).to_json()
        except CallError:
            raise
        except SufficeError as error:
            raise NobodyAnswered(error.message, status=503) from error
