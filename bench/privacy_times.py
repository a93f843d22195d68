"""What looking for private data takes, by text and by length: part of `bench.privacy`."""

import json
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

from suffice.ports import Request
from suffice.serve.call import Call, Caller, Operation
from suffice.serve.privacy.detect import Detector
from suffice.serve.privacy.glance import glance
from suffice.serve.privacy.inspector import PrivacyInspector
from suffice.serve.privacy.names import ModelFinder
from suffice.serve.privacy.settings import read_privacy
from suffice.serve.privacy.views import is_plain
from suffice.serve.privacy.walk import Leaves

_PROSE = (
    "Could you draft a polite reply? The customer ordered 3 lamps on 12 May and one arrived broken; "
    "they would like a refund of $45 by Friday, and say that our shop in Leeds did not answer. "
)
_PRIVATE = "Mail ada.l@example.org or call +49 151 23456789; the card was 4111 1111 1111 1111. "
_FOREIGN = (
    "Können Sie mir bitte erklären, warum die Lieferung für März noch fehlt – ich möchte sie „schnell“. "
)
_KB = 1024
_NO_LIMIT = 1 << 30

Spans = Callable[[str], Sequence[tuple[int, int]]]


def main(presidio: Sequence[Spans], names: ModelFinder) -> None:
    """Print processor time by text, and by length."""
    settings = read_privacy({"default": "mask"})
    plain = PrivacyInspector(settings)
    named = PrivacyInspector(settings, finders=[names])
    detector = Detector(settings)
    print(f"Processor time for 1,024 signs, microseconds, best of 9 rounds (median); load {_load()}.\n")
    print(
        "| text | the quick look | finding | a whole chat inspected, and masked | names, besides "
        "| a chat with names, sent before | presidio's recognisers |"
    )
    print("|---|---|---|---|---|---|---|")
    for what, text in _texts().items():
        call = _chat(text)
        cells = [
            _microseconds(partial(detector.may_hold, text), 2000),
            _microseconds(partial(detector.find, text), 200),
            _microseconds(partial(plain.inspect, call), 200),
            _microseconds(partial(_named, names, text), 5),
            _microseconds(partial(named.inspect, call), 200),
            _microseconds(partial(_all, presidio, text), 3) if presidio else "not measured",
        ]
        print(f"| {what} | {' | '.join(cells)} |")
    print("\nBy length, in the same unit; what grows faster than the text would show here.\n")
    print("| what | 1 KB | 16 KB | 256 KB |\n|---|---|---|---|")
    for what, work in _WORKS.items():
        cells = [_microseconds(partial(work, size), max(1, 1000 // (size // _KB))) for size in _SIZES]
        print(f"| {what} | {' | '.join(cells)} |")


def _texts() -> dict[str, str]:
    """Returns texts of 1,024 signs."""
    private = (_PROSE * 6)[: _KB - len(_PRIVATE)] + _PRIVATE
    return {
        "prose, nothing private": (_PROSE * 6)[:_KB],
        "German, nothing private": (_FOREIGN * 11)[:_KB],
        "prose with dates and order numbers": (_PROSE * 6)[:960] + " order 1234567890 of 2026-11-22 10:30:00",
        "an e-mail, a phone and a card": private,
    }


_SIZES = (_KB, 16 * _KB, 256 * _KB)
_BY_SIZE = {size: (_PROSE * (size // len(_PROSE) + 1))[:size] for size in _SIZES}
_JSON = {size: json.dumps([{"note": _PROSE, "n": 3}] * (size // len(_PROSE))) for size in _SIZES}


def _walked(size: int) -> None:
    """Goes through a call whose tool arguments are JSON of a size."""
    function = {"name": "f", "arguments": _JSON[size]}
    turn = {"role": "assistant", "tool_calls": [{"type": "function", "function": function}]}
    Leaves(64, _NO_LIMIT).take({"model": "m", "messages": [turn]})


_WORKS: dict[str, Callable[[int], object]] = {
    "the glance at bytes": lambda size: glance(_BY_SIZE[size]),
    "is it what it says: escapes, odd signs, base64": lambda size: is_plain(_BY_SIZE[size]),
    "the walk through JSON within JSON": _walked,
}


def _named(names: ModelFinder, text: str) -> None:
    """Lets the model of names look at a text that nobody sent before."""
    list(names.find(text, "content", lambda: None))


def _all(spans: Sequence[Spans], text: str) -> None:
    """Lets every finder look at a text."""
    for each in spans:
        each(text)


def _chat(text: str) -> Call:
    """Returns a chat of two messages."""
    messages = [{"role": "system", "content": "Answer politely."}, {"role": "user", "content": text}]
    return Call(
        id="r",
        operation=Operation.CHAT,
        model="m",
        route="m",
        caller=Caller(key_id="k"),
        body={"model": "m", "messages": messages, "temperature": 0},
        request=Request(text=text),
    )


def _microseconds(function: Callable[[], Any], times: int) -> str:
    """Returns the processor time of one call: the best and the median of nine rounds."""
    rounds = []
    for _ in range(9):
        start = time.process_time()
        for _ in range(times):
            function()
        rounds.append((time.process_time() - start) / times * 1e6)
    return f"{min(rounds):,.0f} ({median(rounds):,.0f})"


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
