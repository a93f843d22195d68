"""suffice: tell it a job and a bar, and it finds the smallest language model that is good enough.

The public names load on first use, so that importing the package costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suffice.api import predict, run, verify
    from suffice.errors import SufficeError

__version__ = "0.1.0"

_HOMES = {
    "SufficeError": "suffice.errors",
    "predict": "suffice.api",
    "run": "suffice.api",
    "verify": "suffice.api",
}

__all__ = ["SufficeError", "__version__", "predict", "run", "verify"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'suffice' has no attribute {name!r}")
