"""The tiers that are still to be asked, in order; those that may not be are passed by with a step."""

from collections.abc import Sequence

from suffice.serve.ports import Tier
from suffice.serve.reply import Place, Step, Verdict


class Way:
    """Hands out the tiers of one call's route one by one, and writes down those it passes by."""

    def __init__(self, tiers: Sequence[Tier], reasons: Sequence[str], steps: list[Step]) -> None:
        self._tiers = tiers
        self._reasons = reasons
        self._steps = steps
        self._at = 0

    def ahead(self) -> Tier | None:
        """Returns the next tier that may be asked, None where none is left."""
        for number in range(self._at, len(self._tiers)):
            if not self._reasons[number]:
                return self._tiers[number]
        return None

    def has_machine_ahead(self) -> bool:
        """Says whether the next tier that may be asked answers by itself, at once."""
        tier = self.ahead()
        return tier is not None and tier.place is not Place.HUMAN

    def next(self) -> Tier | None:
        """Returns that tier, and takes it off the way with all before it; None at the way's end."""
        while self._at < len(self._tiers):
            tier, reason = self._tiers[self._at], self._reasons[self._at]
            self._at += 1
            if not reason:
                return tier
            self._steps.append(Step(tier=tier.name, place=tier.place, verdict=Verdict.SKIPPED, why=reason))
        return None
