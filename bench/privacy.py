"""How much private data is found, how much else, and how long looking takes; beside presidio-analyzer.

`python -m bench.privacy` draws the set of `bench.privacy_set` from one seed. presidio's recognisers are
called directly (no engine, no spaCy model: so without its boost for context words, which needs one), and only
where it is installed.
"""

import contextlib
import importlib
import logging
import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

from bench.privacy_set import CLASSES, Text, negatives, positives
from suffice.ports import Request
from suffice.serve.call import Call, Caller, Operation
from suffice.serve.privacy.detect import Detector
from suffice.serve.privacy.inspector import PrivacyInspector
from suffice.serve.privacy.settings import read_privacy
from suffice.stats.intervals import wilson

EACH, SEED = 400, 2026
_SECTION = {"default": "mask", "classes": {"ip_address": "mask"}}
_RECOGNISERS = {
    "email": ("EmailRecognizer",),
    "phone": ("PhoneRecognizer",),
    "card": ("CreditCardRecognizer",),
    "iban": ("IbanRecognizer",),
    "national_id": (
        *("UsSsnRecognizer", "UkNinoRecognizer", "NhsRecognizer", "DeTaxIdRecognizer", "EsNifRecognizer"),
        *("EsNieRecognizer", "ItFiscalCodeRecognizer", "PlPeselRecognizer", "InAadhaarRecognizer"),
    ),
    "ip_address": ("IpRecognizer",),
}
_PROSE = (
    "Could you draft a polite reply? The customer ordered 3 lamps on 12 May and one arrived broken; "
    "they would like a refund of $45 by Friday, and say that our shop in Leeds did not answer. "
)
_PRIVATE = "Mail ada.l@example.org or call +49 151 23456789; the card was 4111 1111 1111 1111. "
_FOREIGN = (
    "Können Sie mir bitte erklären, warum die Lieferung für März noch fehlt – ich möchte sie „schnell“. "
)

Spans = Callable[[str], Sequence[tuple[int, int]]]


@dataclass(frozen=True, kw_only=True)
class Finder:
    """Something that finds a class: what it is called, and what it returns for a text."""

    name: str
    spans: Spans


def main() -> None:
    """Print the tables."""
    print(
        f"A made set (`bench/privacy_set.py`, seed {SEED}): {EACH} positives and {EACH} lookalikes a class. "
        "**told**: with a word or a format that tells what it is; **disguised**: other separators, wide "
        "digits, invisible signs, escapes; **bare**: neither word nor format. A value is found when all of "
        "it is covered. Precision is at one lookalike a positive. Validity is drawn with the same libraries "
        "that check it, so recall speaks of formats and contexts, not of rare kinds of number. The detectors "
        "were mended on these forms with other seeds: on forms that nobody thought of they will do worse.\n"
    )
    print("| class | finder | told | disguised | bare | lookalikes found | precision |")
    print("|---|---|---|---|---|---|---|")
    presidio = _presidio()
    for name in CLASSES:
        for finder in (_ours(name), *presidio(name)):
            print(_row(name, finder))
    print(f"\n{_MISSED}\n")
    _times(presidio)


_MISSED = (
    "presidio-analyzer 2.2 has no recogniser for secrets, nor for the ids of FR, NL and BR, which are in "
    "`national_id`. Ours: `serve/privacy`, all detectors on, whatever the class."
)


def _row(name: str, finder: Finder) -> str:
    """Returns a line of the table."""
    found = {"told": [0, 0], "disguised": [0, 0], "bare": [0, 0]}
    for text in positives(name, EACH, SEED):
        found[text.how][0] += _covers(finder.spans(text.text), text)
        found[text.how][1] += 1
    wrong = sum(bool(finder.spans(text.text)) for text in negatives(name, EACH, SEED))
    right = sum(hits for hits, _ in found.values())
    cells = [_rate(*found[how]) for how in found]
    precision = _rate(right, right + wrong)
    return f"| {name} | {finder.name} | {' | '.join(cells)} | {_rate(wrong, EACH)} | {precision} |"


def _rate(hits: int, n: int) -> str:
    """Returns a rate with its 95% Wilson interval and n."""
    if n == 0:
        return "-"
    bounds = wilson(hits, n)
    return f"{hits / n:.3f} [{bounds.lower:.3f}, {bounds.upper:.3f}], {n}"


def _covers(spans: Sequence[tuple[int, int]], text: Text) -> bool:
    """Says whether finds cover every letter and digit of the value."""
    start = text.text.index(text.value)
    needed = {at for at in range(start, start + len(text.value)) if text.text[at].isalnum()}
    return needed <= {at for first, last in spans for at in range(first, last)}


def _ours(name: str) -> Finder:
    """Returns this project's detector for a class."""
    detector = Detector(read_privacy(_SECTION))
    return Finder(
        name="suffice",
        spans=lambda text: [(find.start, find.end) for find in detector.find(text) if find.name == name],
    )


def _presidio() -> Callable[[str], list[Finder]]:
    """Returns presidio's recognisers by class: any score, and from 0.4 up; none where it is not installed."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), open(os.devnull, "w") as quiet, contextlib.redirect_stderr(quiet):  # noqa: PTH123
            warnings.simplefilter("ignore")
            module = importlib.import_module("presidio_analyzer.predefined_recognizers")
            recognisers: dict[str, list[Any]] = {
                name: [getattr(module, each)() for each in names] for name, names in _RECOGNISERS.items()
            }
    except ImportError:
        return lambda _: []

    def finders(name: str) -> list[Finder]:
        if name not in recognisers:
            return []
        return [
            Finder(name="presidio, any score", spans=lambda text: _spans(recognisers[name], text, 0.0)),
            Finder(name="presidio, score >= 0.4", spans=lambda text: _spans(recognisers[name], text, 0.4)),
        ]

    return finders


def _spans(recognisers: Sequence[Any], text: str, least: float) -> list[tuple[int, int]]:
    """Returns where recognisers find something with at least a score."""
    return [
        (found.start, found.end)
        for each in recognisers
        for found in each.analyze(text, each.supported_entities, None) or ()
        if found.score >= least
    ]


def _times(presidio: Callable[[str], list[Finder]]) -> None:
    """Prints processor time by text."""
    inspector = PrivacyInspector(read_privacy({"default": "mask"}))
    detector = Detector(read_privacy({"default": "mask"}))
    texts = {
        "prose, nothing private": (_PROSE * 6)[:1024],
        "German, nothing private": (_FOREIGN * 11)[:1024],
        "prose with dates and order numbers": (_PROSE * 6)[:960] + " order 1234567890 of 2026-11-22 10:30:00",
        "an e-mail, a phone and a card": (_PROSE * 6)[: 1024 - len(_PRIVATE)] + _PRIVATE,
    }
    print(f"Processor time for 1,024 signs, microseconds, best of 9 rounds (median); load {_load()}.\n")
    print("| text | the quick look | finding | a whole chat inspected, and masked | presidio's recognisers |")
    print("|---|---|---|---|---|")
    for what, text in texts.items():
        call = _chat(text)
        spans = [finder.spans for name in CLASSES for finder in presidio(name)[:1]]
        cells = [
            _microseconds(partial(detector.may_hold, text), 2000),
            _microseconds(partial(detector.find, text), 200),
            _microseconds(partial(inspector.inspect, call), 200),
            _microseconds(partial(_all, spans, text), 3) if spans else "not measured",
        ]
        print(f"| {what} | {' | '.join(cells)} |")


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


if __name__ == "__main__":
    main()
