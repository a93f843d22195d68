"""What may be chosen: a base model, the recipe that makes it fit the task, and engine settings."""

from dataclasses import dataclass

from suffice import fingerprint

Setting = str | int | float | bool


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One rung of the ladder, frozen before anything is measured.

    `kind` names the model class that serves it (linear, encoder, recorded, openai, fake);
    `method` names what makes its artefact, or "given" where nothing is made. `teacher` names
    another candidate that must be made first. `settings` are sorted pairs.
    """

    name: str
    kind: str
    method: str = "given"
    teacher: str | None = None
    settings: tuple[tuple[str, Setting], ...] = ()

    @property
    def fingerprint(self) -> str:
        """Returns the sha256 of everything that was chosen."""
        return fingerprint.of_value(self)

    def setting(self, name: str, default: Setting) -> Setting:
        """Returns one setting, or the default where it is not set."""
        return dict(self.settings).get(name, default)


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """Candidates in order of expected cost, cheapest first; names are unique."""

    candidates: tuple[Candidate, ...]

    def __post_init__(self) -> None:
        names = [candidate.name for candidate in self.candidates]
        doubled = {name for name in names if names.count(name) > 1}
        if doubled:
            raise ValueError(f"two candidates are named {min(doubled)!r}")
