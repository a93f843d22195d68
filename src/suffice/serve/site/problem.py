"""What is wrong with a site file beyond its schema, with the path of the key."""

from suffice.errors import SufficeError


class Problem(SufficeError):  # noqa: N818 - reads as what it is where it is caught
    """Something in a site file that its schema cannot see; `path` leads to the key."""

    def __init__(self, message: str, *, path: tuple[str | int, ...], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path
