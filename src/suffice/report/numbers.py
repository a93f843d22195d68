"""Numbers as people read them: with units, few digits, and never rounded into a claim."""

import math
from decimal import Decimal

NOT_MEASURED = "not measured"

_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "KB"))


def count(n: float) -> str:
    """Returns a whole number with thousands separated: "1,376"."""
    return f"{round(n):,}"


def significant(number: float, digits: int = 3) -> str:
    """Returns a number of that many significant digits, never in exponents below 1e15: "0.0214", "1,480"."""
    if number == 0 or not math.isfinite(number):
        return "0" if number == 0 else str(number)
    if abs(number) >= 1e15:
        return f"{number:.{digits - 1}e}"
    rounded = float(f"{number:.{digits - 1}e}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{Decimal(repr(rounded)):,.{decimals}f}"


def size(n_bytes: float | None) -> str:
    """Returns decimal bytes: "412 KB", "23.0 MB" (1 KB = 1,000 bytes)."""
    if n_bytes is None:
        return NOT_MEASURED
    for scale, unit in _SIZES:
        if n_bytes >= scale * 0.9995:
            return f"{significant(n_bytes / scale)} {unit}"
    return f"{count(n_bytes)} bytes"


def money(usd: float | None) -> str:
    """Returns dollars, to the cent from 1 $ on and with at most two significant digits below: "$0.00021"."""
    if usd is None:
        return NOT_MEASURED
    sign, usd = ("-" if usd < 0 else ""), abs(usd)
    if usd >= 1000:
        return f"{sign}${count(usd)}"
    if usd >= 0.995:
        return f"{sign}${usd:.2f}"
    text = significant(usd, 2)
    return f"{sign}${text.rstrip('0') if 0 < usd < 0.0995 else text}"


def duration(ms: float | None) -> str:
    """Returns a time with the unit that fits: "71 µs", "5.9 ms", "1.2 s"."""
    if ms is None:
        return NOT_MEASURED
    if ms < 0.995:
        return f"{significant(ms * 1000, 2)} µs"
    if ms < 999.5:
        return f"{significant(ms, 2 if ms < 100 else 3)} ms"
    return f"{significant(ms / 1000, 2 if ms < 100_000 else 3)} s"


def energy(joules: float | None) -> str:
    """Returns joules with the unit that fits: "3.1 mJ"."""
    if joules is None:
        return NOT_MEASURED
    if 0 < joules < 0.995e-3:
        return f"{significant(joules * 1e6, 2)} µJ"
    if 0 < joules < 0.995:
        return f"{significant(joules * 1e3, 2)} mJ"
    return f"{significant(joules, 2)} J"


def share(value: float | None, *, decimals: int = 1) -> str:
    """Returns a percentage; what is below 1 or above 0 never shows as 100% or 0%: "99.97%"."""
    if value is None:
        return NOT_MEASURED
    if min(abs(value), abs(1 - value)) < 1e-12:  # rounding errors of an interval that ends there
        return "0%" if value < 0.5 else "100%"
    for more in range(decimals, 6):
        text = f"{value:.{more}%}"
        if float(text[:-1]) not in {0.0, 100.0}:
            return text
    return "<0.00001%" if value < 0.5 else ">99.9999%"


def budget(alpha: float) -> str:
    """Returns an error probability in percent, without needless digits: "5%", "0.83%"."""
    return f"{alpha * 100:.3g}%"


def interval(lower: float, upper: float) -> str:
    """Returns an interval of shares in percent: "91.1 to 95.2"."""
    return f"{share(lower)[:-1]} to {share(upper)[:-1]}"


def points(difference: float) -> str:
    """Returns a difference of shares in percentage points: "2 points", "0.5 points"."""
    number = significant(abs(difference) * 100)
    number = number.rstrip("0").rstrip(".") if "." in number else number
    return f"{number} point{'' if number == '1' else 's'}"


def times_less(today: float | None, chosen: float | None) -> str:
    """Returns how many times smaller the second is: "1,480 times less"; "" where that means nothing."""
    if not today or not chosen or today <= 0 or chosen <= 0 or today / chosen < 1.05:
        return ""
    ratio = today / chosen
    return f"{significant(ratio, 3 if ratio >= 100 else 2)} times less"
