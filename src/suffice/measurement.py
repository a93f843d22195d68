"""What was measured: a number with its n, its interval and where it was measured, or why there is none."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Where the true value lies, at `level`, by the named method."""

    lower: float
    upper: float
    level: float
    method: str


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The machine and software a measurement belongs to.

    `simulated` marks numbers of fake models: they can never reach a certificate.
    """

    machine: str
    cores: int
    memory_bytes: int
    system: str
    python: str
    versions: tuple[tuple[str, str], ...] = ()
    threads: int = 1
    simulated: bool = False


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One number about one candidate, or the reason why there is none.

    `value` is None where the quantity was not measured; then `unmeasured` says why. `unit` is
    the suffix used in names: ms, bytes, usd_per_1k, j, share. `n` counts the requests or samples
    behind the number; exact quantities such as file bytes have n = 1 and no interval.
    """

    quantity: str
    value: float | None
    unit: str
    n: int = 0
    interval: Interval | None = None
    split: str | None = None
    unmeasured: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.unmeasured is None):
            raise ValueError(f"{self.quantity}: give either a value or the reason why there is none")


def not_measured(quantity: str, unit: str, *, why: str) -> Measurement:
    """Returns the measurement that says why there is none."""
    return Measurement(quantity=quantity, value=None, unit=unit, unmeasured=why)
