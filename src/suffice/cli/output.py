"""Writing to the terminal, a file or a pipe: a reader who leaves early changes no exit code."""

import os
import sys
from typing import TextIO

from suffice.errors import OutputError


class OutputLost(OutputError):  # noqa: N818 - reads as what it is where it is caught
    """Standard output cannot be written to, so no JSON can be given there either."""


def prepare() -> None:
    """Makes both streams usable: a closed one swallows, and a sign it lacks shows as a question mark."""
    if sys.stdout is None:
        sys.stdout = _nowhere()
    if sys.stderr is None:
        sys.stderr = _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="replace")


def tell(text: str) -> None:
    """Prints a text with a line's end on standard output, at once.

    Raises:
        OutputLost: it cannot be written, e.g. into a file on a full disk.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        sys.stdout = _nowhere_from(sys.stdout)  # as in `suffice report X | head -1`
    except OSError as error:
        sys.stdout = _nowhere_from(sys.stdout)
        raise OutputLost(
            f"cannot write the result to standard output: {error.strerror}",
            hint="free the disk, or send the output elsewhere",
        ) from error


def complain(text: str) -> None:
    """Prints a text on standard error; where that is full or gone, there is nobody left to tell."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        sys.stderr = _nowhere_from(sys.stderr)


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - open until the process ends


def _nowhere_from(stream: TextIO) -> TextIO:
    """Returns a stream that swallows; what the broken one still holds goes there when Python ends."""
    nowhere = _nowhere()
    os.dup2(nowhere.fileno(), stream.fileno())
    return nowhere
