"""Says whether a site's own regular expression is sure to be quick on any text, and compiles it.

A backtracking matcher tries, from one place of a text, at most as many ways as the pattern can be walked
through, each as long as its longest match. The ways are counted from the pattern's syntax tree: a
sequence multiplies, alternatives add, a repetition {low, high} of p ways has p^low + ... + p^high.
With a bound on ways times length the time is linear in the text; patterns without one (`.*`, `(a+)+`) are
refused, also harmless ones.
"""

import importlib
import re
from typing import Any

from suffice.errors import SpecError

STEPS_LIMIT = 2_000  # from one place of a text
_NESTING_LIMIT = 50  # the parser itself recurses
_LENGTH_LIMIT = 1_000
_UNREADABLE = ("GROUPREF", "GROUPREF_EXISTS", "GROUPREF_IGNORE")


class _Endless(Exception):  # noqa: N818 - reads as what it is where it is caught
    """A part of a pattern without a bound on its steps; says which."""


def checked_pattern(pattern: str, *, where: str) -> re.Pattern[str]:
    """Returns the pattern, compiled.

    Raises:
        SpecError: it is no regular expression, matches nothing at all, or may take too many steps.
    """
    if len(pattern) > _LENGTH_LIMIT:
        raise SpecError(f"{where}: a pattern of {len(pattern):,} characters; at most {_LENGTH_LIMIT:,}")
    if pattern.count("(") > _NESTING_LIMIT:
        raise SpecError(f"{where}: {pattern!r} has more than {_NESTING_LIMIT} groups")
    try:
        compiled = re.compile(pattern)
        tree = importlib.import_module("re._parser").parse(pattern)
        steps = _ways_of_all(tree) * max(1, tree.getwidth()[1])
    except (re.error, OverflowError, RecursionError) as error:
        raise SpecError(f"{where}: {pattern!r} is no regular expression: {error}") from None
    except _Endless as error:
        raise SpecError(
            f"{where}: {pattern!r} {error}, and could keep the gateway busy for long on some text",
            hint="bound every repetition, e.g. [0-9]{4,12} in place of [0-9]+",
        ) from None
    if steps > STEPS_LIMIT:
        raise SpecError(
            f"{where}: {pattern!r} may take more than {STEPS_LIMIT:,} steps from one place of a text",
            hint="narrow the ranges of its repetitions",
        )
    if tree.getwidth()[0] < 1:
        raise SpecError(f"{where}: {pattern!r} can match nothing at all, so it would be found everywhere")
    return compiled


def _ways_of_all(parts: Any) -> int:
    """Returns in how many ways a sequence can be walked through, at most STEPS_LIMIT + 1."""
    ways = 1
    for operation, argument in parts:
        ways = min(ways * _ways(str(operation), argument), STEPS_LIMIT + 1)
    return ways


def _ways(operation: str, argument: Any) -> int:
    """Returns in how many ways one part of a syntax tree can be walked through."""
    if operation in _UNREADABLE:
        raise _Endless("refers back to a group")
    if operation in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
        return _ways_repeated(*argument)
    if operation == "BRANCH":
        return sum(_ways_of_all(branch) for branch in argument[1])
    if operation == "SUBPATTERN":
        return _ways_of_all(argument[-1])
    if operation in {"ASSERT", "ASSERT_NOT"}:
        return _ways_of_all(argument[1]) * max(1, int(argument[1].getwidth()[1]))
    if operation == "ATOMIC_GROUP":
        return _ways_of_all(argument)
    return 1


def _ways_repeated(low: int, high: Any, part: Any) -> int:
    """Returns the ways of a repetition: p^low + ... + p^high."""
    if not isinstance(high, int) or high > STEPS_LIMIT:
        raise _Endless("has a repetition without a bound")
    ways = _ways_of_all(part)
    if ways == 1:
        return high - low + 1
    total = 0
    for times in range(low, high + 1):
        total += ways**times
        if total > STEPS_LIMIT:
            break
    return total
