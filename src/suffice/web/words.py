"""What pages say in words: times, places, verdicts, intervals."""

import json
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from suffice.report import numbers

PLACES: Mapping[str, str] = {
    "local": "this machine",
    "trusted_local": "a server trusted as local",
    "remote": "a server",
    "human": "a person",
}
VERDICTS: Mapping[str, str] = {
    "answered": "answered",
    "escalated": "not trusted, passed up",
    "failed": "failed, the next one was tried",
    "skipped": "not asked",
    "queued": "waits for a person",
}
_WHERE: Mapping[str, str] = {
    "local": "on this machine",
    "trusted_local": "at a server trusted as local",
    "remote": "at a server",
    "human": "by a person",
}
_AGES = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def curl_line(url: str, model: str) -> str:
    """Returns what to type for a first call; whatever the names hold, a shell reads them as they are."""
    body = {"model": model, "messages": [{"role": "user", "content": "Where is my parcel?"}]}
    return (
        f"curl {shlex.quote(f'{url}/chat/completions')} \\\n"
        '  -H "Authorization: Bearer $SUFFICE_KEY" -H "Content-Type: application/json" \\\n'
        f"  -d {shlex.quote(json.dumps(body, ensure_ascii=False))}"
    )


def moment(at: str | None) -> str:
    """Returns an ISO time as people read it, to the second, in UTC: "2026-11-22 07:13:01 UTC"."""
    return "never" if at is None else f"{_read(at):%Y-%m-%d %H:%M:%S} UTC"


def ago(at: str | None, now: str) -> str:
    """Returns how long ago it was: "3 minutes ago", "just now"; a coming time is "in 3 minutes"."""
    if at is None:
        return "never"
    seconds = (_read(now) - _read(at)).total_seconds()
    for size, unit in _AGES:
        if abs(seconds) >= size:
            n = int(abs(seconds) // size)
            text = f"{n} {unit}{'' if n == 1 else 's'}"
            return f"{text} ago" if seconds > 0 else f"in {text}"
    return "just now"


def place(name: str | None) -> str:
    """Returns where a tier answers."""
    return PLACES.get(name or "", "nowhere")


def where(name: str | None) -> str:
    """Returns where an answer comes about, to stand behind a verb: "answered on this machine"."""
    return _WHERE.get(name or "", "nowhere")


def shown(certificate: Mapping[str, Any]) -> str:
    """Returns what a certificate shows, by its target: "accuracy at most 2 points below the reference's"."""
    metric, threshold = certificate["metric"], certificate["threshold"]
    match certificate["target"]:
        case "non_inferior" if threshold is not None:
            return f"{metric} at most {numbers.points(threshold)} below the reference's"
        case "absolute" if threshold is not None:
            return f"{metric} at least {numbers.share(threshold)}"
        case "agreement" if threshold is not None:
            return f"other answers than the reference's on at most {numbers.share(threshold)}"
        case target:
            return f"{target}, {metric}, threshold {threshold}"


def measures(step: Mapping[str, Any]) -> str:
    """Returns what a tier told of its own answer: "confidence 97.0%, trust 91.0%, threshold 76.0%"."""
    told = [(name, step[name]) for name in ("confidence", "trust", "threshold", "novelty")]
    text = ", ".join(f"{name} {numbers.share(value)}" for name, value in told if value is not None)
    return text[:1].upper() + text[1:]


def per(bucket_s: int) -> str:
    """Returns a stretch of time to stand behind "per": "minute", "30 minutes", "3 hours"."""
    size, unit = (3600, "hour") if bucket_s >= 3600 else (60, "minute")
    n = bucket_s // size
    return unit if n == 1 else f"{n} {unit}s"


def verdict(name: str) -> str:
    """Returns what became of a call at a tier."""
    return VERDICTS.get(name, name)


def ends(rate: Mapping[str, Any]) -> str:
    """Returns a rate's interval with its level and its n: "91.1 to 95.2 at 95%, n 412"."""
    interval = numbers.interval(rate["lower"], rate["upper"])
    return f"{interval} at {rate['level']:.0%}, n {numbers.count(rate['n'])}"


def signed(weight: float) -> str:
    """Returns a weight with its sign, a minus as long as the plus: "+0.42"."""
    return f"{'+' if weight >= 0 else '−'}{numbers.significant(abs(weight), 2)}"


def pretty(value: Any) -> str:
    """Returns a JSON value over several lines; text that holds a JSON object too; other text as it is.

    Text that is nested too deep to be read is other text: it may be of a call that was refused for that.
    """
    if not isinstance(value, str):
        return json.dumps(value, indent=2, ensure_ascii=False)
    try:
        read = json.loads(value)
        return json.dumps(read, indent=2, ensure_ascii=False) if isinstance(read, dict | list) else value
    except (ValueError, RecursionError):
        return value


def _read(at: str) -> datetime:
    read = datetime.fromisoformat(at)
    return read if read.tzinfo else read.replace(tzinfo=UTC)
