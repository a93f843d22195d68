"""The tiers that are still to be asked, in order; those that may not be are passed by with a step."""

from collections import deque
from collections.abc import Sequence

from suffice.serve.ports import Tier
from suffice.serve.reply import Place, Step, Verdict


class Way:
    """Hands out the tiers of one call's route one by one, and writes down those it passes by."""

    def __init__(self, tiers: Sequence[Tier], reasons: Sequence[str], steps: list[Step]) -> None:
        self._todo = deque(zip(tiers, reasons, strict=True))
        self._steps = steps

    def ahead(self) -> Tier | None:
        """Returns the next tier that may be asked, None where none is left."""
        return next((tier for tier, reason in self._todo if not reason), None)

    def has_machine_ahead(self) -> bool:
        """Says whether the next tier that may be asked answers by itself, at once."""
        tier = self.ahead()
        return tier is not None and tier.place is not Place.HUMAN

    def next(self) -> Tier | None:
        """Returns that tier, and takes it off the way with all before it; None at the way's end."""
        while self._todo:
            tier, reason = self._todo.popleft()
            if not reason:
                return tier
            self._steps.append(Step(tier=tier.name, place=tier.place, verdict=Verdict.SKIPPED, why=reason))
        return None
