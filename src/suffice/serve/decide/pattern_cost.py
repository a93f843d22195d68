"""What it costs to compile a pattern, before it is compiled: its parts, each as often as it is repeated.

`{n}` makes n copies of what stands before it, and a class of signs is a machine of some hundred
states for all of Unicode: fifty word signs fifty times are 15 bytes and 2,500 such machines.
"""

import re

# In units of 15 microseconds at most, as measured; a plain sign takes less.
_CLASS_COST = 25
_DOT_COST = 5
# One part of a pattern: a Unicode class, another escape, a class in brackets, a count, anything else.
_PART = re.compile(
    r"(?P<unicode>\\(?:[wWdDsSbB]|[pP](?:\{[^}]*\}|.)))|(?P<escape>\\.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])"
    r"|\{(?P<least>\d+)(?P<most>,\d*)?\}|(?P<sign>.)",
    re.DOTALL,
)
_UNICODE_IN_SET = re.compile(r"\\[wWdDsSpP]|^\[\^|[^\x00-\x7f]|\[:")


def compile_cost(pattern: str) -> int:
    """Returns the cost of compiling a pattern, in units of 15 microseconds at most.

    What is no pattern has a cost too: whether it is one, the engine says.
    """
    sums, last = [0], 0
    for part in _PART.finditer(pattern):
        sign = part["sign"]
        if part["least"] is not None:
            times = max(int(part["least"]), int((part["most"] or ",0")[1:] or 0), 1)
            sums[-1] += last * (times - 1)
            last *= times
        elif sign == "(":
            sums.append(0)
            last = 0
        elif sign == ")" and len(sums) > 1:
            last = sums.pop()
            sums[-1] += last
        elif sign is None or sign not in "*+?|":
            last = _cost(part)
            sums[-1] += last
    return sum(sums)


def _cost(part: re.Match[str]) -> int:
    if part["unicode"] is not None:
        return _CLASS_COST
    if part["set"] is not None:
        return _CLASS_COST if _UNICODE_IN_SET.search(part["set"]) else 1
    return _DOT_COST if part["sign"] == "." else 1
