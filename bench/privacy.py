"""How much private data is found, how much else, and how long looking takes; beside presidio-analyzer.

`python -m bench.privacy` draws the set of `bench.privacy_set` from one seed. presidio's recognisers are
called directly (no engine, no spaCy model: so without its boost for context words, which needs one), and only
where it is installed.
"""

import contextlib
import importlib
import logging
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bench import names, privacy_ordinary, privacy_times
from bench.privacy_set import CLASSES, Text, negatives, positives
from suffice.serve.privacy.detect import Detector
from suffice.serve.privacy.settings import read_privacy

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
        "digits, invisible and control signs, escapes, base64; **bare**: neither word nor format. A value is "
        "found when all of it is covered. Precision is at one lookalike a positive. Validity is drawn with "
        "the same libraries that check it, so recall speaks of formats and contexts, not of rare kinds of "
        "number. The detectors were mended on these forms with other seeds: on forms that nobody thought of "
        "they will do worse.\n"
    )
    print("| class | finder | told | disguised | bare | lookalikes found | precision |")
    print("|---|---|---|---|---|---|---|")
    presidio = _presidio()
    for name in CLASSES:
        for finder in (_ours(name), *presidio(name)):
            print(_row(name, finder))
    print(f"\n{_MISSED}\n")
    privacy_ordinary.main()
    spans = [finder.spans for name in CLASSES for finder in presidio(name)[:1]]
    with names.finder() as (people, about):
        print(f"\n### Names\n\n{_NAMES.format(about=about)}\n")
        names.main(people)
        print("\n### What looking takes\n")
        privacy_times.main(spans, people)


_MISSED = (
    "presidio-analyzer 2.2 has no recogniser for secrets, nor for the ids of FR, NL and BR, which are in "
    "`national_id`. Ours: `serve/privacy`, all detectors on, whatever the class."
)


_NAMES = (
    "A bundle made by `suffice run` from examples/people.yaml ({about}) as `privacy.names`. Names are found "
    "when all their letters and digits are covered. Made sentences show what a tagger learns of sentences "
    "like its own; the bookings are what it is worth on texts of others: their names are not of our making. "
    "Values of one text are not independent, so intervals are a little too narrow, and the held-out parts "
    "were looked at while the set was being written."
)


def _row(name: str, finder: Finder) -> str:
    """Returns a line of the table."""
    found = {"told": [0, 0], "disguised": [0, 0], "bare": [0, 0]}
    for text in positives(name, EACH, SEED):
        found[text.how][0] += _covers(finder.spans(text.text), text)
        found[text.how][1] += 1
    wrong = sum(bool(finder.spans(text.text)) for text in negatives(name, EACH, SEED))
    right = sum(hits for hits, _ in found.values())
    cells = [names.rate(*found[how]) for how in found]
    precision = names.rate(right, right + wrong)
    return f"| {name} | {finder.name} | {' | '.join(cells)} | {names.rate(wrong, EACH)} | {precision} |"


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


if __name__ == "__main__":
    main()
