"""Several models as one: the cheap one answers, and passes up what it is not sure of."""

from dataclasses import dataclass

REFERENCE = "reference"


@dataclass(frozen=True, kw_only=True)
class Tier:
    """One position in a cascade.

    The tier's answer is kept when its trust score is at least `threshold`; the last tier has no
    threshold. The score is `confidence` or `trust` (see `EscalationRule`).
    """

    model: str
    threshold: float | None = None


@dataclass(frozen=True, kw_only=True)
class Cascade:
    """Tiers in the order they are tried. A cascade of one tier is a single model.

    Where the last tier is the reference (`REFERENCE`), an escalated request is the reference's
    to answer; where it is recorded or absent, the answer is left open.
    """

    name: str
    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        if not self.tiers:
            raise ValueError("a cascade has at least one tier")
        if any(tier.threshold is None for tier in self.tiers[:-1]):
            raise ValueError("every tier but the last needs a threshold")
        if self.tiers[-1].threshold is not None:
            raise ValueError("the last tier answers everything that reaches it: no threshold")

    @property
    def local_models(self) -> tuple[str, ...]:
        """Returns the names of the tiers other than the reference."""
        return tuple(tier.model for tier in self.tiers if tier.model != REFERENCE)
