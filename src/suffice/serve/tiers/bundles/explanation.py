"""Why a bundle answers a text as it does: what each rung of its cascade said, and what spoke for it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from suffice.ports import Reason


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One rung's part in an answer.

    `score` in [0, 1] is what is held against `threshold`, which is None at the last rung. `is_kept`: its
    answer is the bundle's. `is_absent`: it is the reference, which is not here. `probabilities` are a
    classifier's greatest, with their labels; `reasons` its n-grams, words or nearest examples; `tokens` a
    writing decoder's tokens with their probabilities. What a rung cannot tell is empty or None.
    """

    name: str
    threshold: float | None = None
    score: float | None = None
    is_kept: bool = False
    is_absent: bool = False
    text: str | None = None
    confidence: float | None = None
    novelty: float | None = None
    trust: float | None = None
    probabilities: tuple[tuple[str, float], ...] = ()
    reasons: tuple[Reason, ...] = ()
    tokens: tuple[tuple[str, float], ...] = ()
    error: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The rungs that were asked, in order; the last one's answer is the bundle's where it `is_kept`."""

    rungs: tuple[Rung, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        return asdict(self)

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Self:
        """Returns the explanation whose JSON this is."""
        return cls(
            rungs=tuple(
                Rung(
                    **{
                        **rung,
                        "probabilities": tuple(map(tuple, rung["probabilities"])),
                        "reasons": tuple(Reason(**reason) for reason in rung["reasons"]),
                        "tokens": tuple(map(tuple, rung["tokens"])),
                        "notes": tuple(rung["notes"]),
                    }
                )
                for rung in said["rungs"]
            )
        )
