"""Gives memory that is not used any more back to the operating system."""

import ctypes
from functools import cache
from typing import Any


def give_back() -> None:
    """Asks glibc's malloc for what it keeps for later: after large bodies, most of it is for nobody.

    It keeps whatever lies below something that is in use. Takes milliseconds, outside Python's
    lock. Other C libraries have no such function: nothing is done there.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
