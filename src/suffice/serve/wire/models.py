"""`/v1/models`: what may be named as `model`."""

from collections.abc import Iterable
from typing import Any


def model_object(name: str, created: int) -> dict[str, Any]:
    """Returns one model in OpenAI's shape; `created` in seconds since 1970."""
    return {"id": name, "object": "model", "created": created, "owned_by": "suffice"}


def model_list(names: Iterable[str], created: int) -> dict[str, Any]:
    """Returns the list of models, by name."""
    return {"object": "list", "data": [model_object(name, created) for name in sorted(names)]}
