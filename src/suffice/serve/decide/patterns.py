"""Regular expressions of clients, in time linear in the text: nobody can make the gateway search for ever.

Python's own engine backtracks: `(a+)+$` takes longer than the age of the universe on a line of a's. The
engine behind pydantic's strings does not, and refuses what needs backtracking (look-around, references).
"""

from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, core_schema

_LONGEST_PATTERN = 256
_REMEMBERED = 512


class PatternRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """A pattern that is too long, too large once compiled, or that needs backtracking."""


class Pattern:
    """One pattern; it is found anywhere in a text, as JSON Schema has it."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > _LONGEST_PATTERN:
            raise PatternRefused(f"a pattern of {len(pattern)} signs is longer than {_LONGEST_PATTERN}")
        try:
            self._search = SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
        except SchemaError as error:
            raise PatternRefused(
                f"the pattern {pattern[:60]!r} cannot be used: it is none, too large, or looks around or back"
            ) from error

    def is_in(self, text: str) -> bool:
        """Says whether the pattern is found in a text."""
        return self._search.isinstance_python(text, strict=True)


@lru_cache(maxsize=_REMEMBERED)
def pattern_of(pattern: str) -> Pattern:
    """Returns a compiled pattern.

    Raises:
        PatternRefused: it cannot be searched for in linear time, or is too large.
    """
    return Pattern(pattern)
