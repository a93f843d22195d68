"""Finds keys and passwords that were written into a site file, where anybody who reads it could use them."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

Path = tuple[str | int, ...]

# How well-known services' keys begin, and signed tokens (JWT). A long run of letters and digits alone
# is no sign: hashes look like that.
_KEY_LIKE = re.compile(
    r"""(?x)
    \b(?: sk-[A-Za-z0-9_-]{16,} | gsk_[A-Za-z0-9]{16,} | xai-[A-Za-z0-9]{16,} | hf_[A-Za-z0-9]{16,}
       | AIza[A-Za-z0-9_-]{30,} | (?:AKIA|ASIA)[A-Z0-9]{16} | gh[pousr]_[A-Za-z0-9]{20,}
       | glpat-[A-Za-z0-9_-]{16,} | eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,} | [Bb]earer\ \S{12,} )
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY
    """
)


def secrets_in(value: object, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yields the place of each value that holds a secret, and what to do instead; never the value."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from secrets_in(inner, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from secrets_in(inner, (*path, index))
    elif isinstance(value, str):
        if _KEY_LIKE.search(value):
            yield path, _instead_of_key(path)
        elif _has_password(value):
            yield path, _instead_of_password(path)


def _instead_of_key(path: Path) -> str:
    owner = next((str(step) for step in reversed(path[:-1]) if isinstance(step, str)), "upstream")
    variable = re.sub(r"\W", "_", owner).upper() + "_API_KEY"
    return (
        f"take it out, make a new one where it came from, type `export {variable}=...`, "
        f"and write `api_key_env: {variable}`"
    )


def _has_password(value: str) -> bool:
    if "://" not in value:
        return False
    try:
        return urlsplit(value).password is not None
    except ValueError:
        return False


def _instead_of_password(path: Path) -> str:
    if path[:1] == ("store",):
        return "leave the password out, and type `export PGPASSWORD=...` (or keep it in ~/.pgpass)"
    return "leave it out of the address; keys come from the variable that `api_key_env` names"
