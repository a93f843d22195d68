"""What can go wrong, as a tree.

    SufficeError                 a wrong input or set-up; printed without a traceback
    ├── SpecError                the task file: an unknown key, a wrong value
    ├── DataError                the rows: an empty file, a missing column, broken encoding
    ├── MissingExtra             a feature whose optional packages are not installed
    ├── ArtefactError            files of a model or bundle that are corrupt, foreign or changed
    ├── ModelError               a model that did not answer (`retryable` says whether asking again may help)
    ├── BudgetExceeded           a paid call that would pass the spend cap
    ├── NotCertified             a certificate that does not hold
    └── OutputError              a place that cannot be written to

Everything else that is raised is a fault of suffice and shows its traceback.
"""


class SufficeError(Exception):
    """A problem the user can mend: what failed, which value, what was expected; `hint` is what to type."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SpecError(SufficeError):
    """The task file has an unknown key or a value that cannot be used."""


class DataError(SufficeError):
    """The rows cannot be used as they are."""


class MissingExtra(SufficeError):  # noqa: N818 - reads as what it is where it is caught
    """A feature was asked for whose optional packages are not installed."""


class ArtefactError(SufficeError):
    """The files of a model or a bundle are corrupt, foreign or changed."""


class ModelError(SufficeError):
    """A model did not answer; `retryable` says whether asking again may help."""

    def __init__(self, message: str, *, hint: str | None = None, retryable: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable


class BudgetExceeded(SufficeError):  # noqa: N818 - reads as what it is where it is caught
    """A paid call would pass the spend cap."""


class NotCertified(SufficeError):  # noqa: N818 - reads as what it is where it is caught
    """A certificate does not hold for what it is held against."""


class OutputError(SufficeError):
    """A place cannot be written to."""
