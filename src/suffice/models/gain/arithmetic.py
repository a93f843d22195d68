"""The value of a written sum, found without running anything that the text says.

A small model's answer is untrusted text. This reads numbers, the four operations, brackets and per cent
signs, and nothing else: no names, no powers, no calls, so that a hostile answer costs a linear scan at most.
"""

import re
from typing import Final

MAX_EXPRESSION_CHARS: Final = 200
MAX_BRACKET_DEPTH: Final = 16

_TOKEN: Final = re.compile(r"\s*(?:(\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)|([-+*/()%]))")
_SAME_SIGN: Final = str.maketrans(
    {"×": "*", "÷": "/", "−": "-", "–": "-", "x": "*", "X": "*", "$": " ", "\\": " "}
)


class _NotASumError(ValueError):
    """Raised inside this file where the text is not a sum."""


def value_of(expression: str) -> float | None:
    """Return the value of a sum such as ``(3 + 4) * 50%``, or None where the text is not a sum.

    None also for a division by zero, an expression of more than MAX_EXPRESSION_CHARS characters, or brackets
    deeper than MAX_BRACKET_DEPTH.
    """
    if len(expression) > MAX_EXPRESSION_CHARS:
        return None
    try:
        reader = _Reader(_tokens(expression.translate(_SAME_SIGN)))
        value = reader.total(depth=0)
    except (_NotASumError, ZeroDivisionError, OverflowError):
        return None
    return value if reader.finished else None


def _tokens(text: str) -> list[str]:
    """Return the numbers and signs of the text, in order."""
    tokens: list[str] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise _NotASumError
        tokens.append(match.group(1) or match.group(2))
        at = match.end()
    return tokens


class _Reader:
    """A recursive-descent reader of sums (total), products (product) and single values (single)."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def finished(self) -> bool:
        """True where every token has been read."""
        return self._at == len(self._tokens)

    def total(self, depth: int) -> float:
        """Return the value of products joined by plus and minus."""
        value = self.product(depth)
        while (sign := self._take("+-")) is not None:
            right = self.product(depth)
            value = value + right if sign == "+" else value - right
        return value

    def product(self, depth: int) -> float:
        """Return the value of single values joined by times and divide."""
        value = self.single(depth)
        while (sign := self._take("*/")) is not None:
            right = self.single(depth)
            value = value * right if sign == "*" else value / right
        return value

    def single(self, depth: int) -> float:
        """Return a number or a bracket, with its signs before and its per cent signs behind."""
        sign = 1.0
        while (mark := self._take("+-")) is not None:
            sign = -sign if mark == "-" else sign
        if self._take("(") is not None:
            if depth >= MAX_BRACKET_DEPTH:
                raise _NotASumError
            value = self.total(depth + 1)
            if self._take(")") is None:
                raise _NotASumError
        else:
            value = self._number()
        while self._take("%") is not None:
            value /= 100.0
        return sign * value

    def _number(self) -> float:
        if self.finished or not (self._tokens[self._at][0].isdigit() or self._tokens[self._at][0] == "."):
            raise _NotASumError
        self._at += 1
        return float(self._tokens[self._at - 1].replace(",", ""))

    def _take(self, signs: str) -> str | None:
        if not self.finished and self._tokens[self._at] in signs:
            self._at += 1
            return self._tokens[self._at - 1]
        return None
