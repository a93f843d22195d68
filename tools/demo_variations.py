"""Variations of a message: the slips and habits of writing that a program can imitate."""

import random
import re
from collections.abc import Callable

NEIGHBOURS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo",
    "j": "hk", "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "w", "r": "et",
    "s": "ad", "t": "ry", "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip
ABBREVIATIONS = {
    "please": "pls", "you": "u", "your": "ur", "thanks": "thx", "cannot": "cant", "because": "bc",
    "and": "&", "with": "w/", "order": "ordr", "account": "acc", "number": "no.", "are": "r",
    "don't": "dont", "can't": "cant", "doesn't": "doesnt", "I'm": "im", "it's": "its", "tomorrow": "tmrw",
}  # fmt: skip
EXPANSIONS = {
    "can't": "cannot", "don't": "do not", "doesn't": "does not", "isn't": "is not", "I'm": "I am",
    "it's": "it is", "I'd": "I would", "we're": "we are", "I've": "I have", "didn't": "did not",
    "dont": "do not", "cant": "can not", "doesnt": "does not", "pls": "please", "thx": "thank you",
}  # fmt: skip
GREETINGS = (
    "Hi,", "Hello,", "hey", "Good morning,", "Dear Lindenhof team,", "hello there", "Hi there!", "hi team,",
    "Good day,", "Hallo,", "To whom it may concern,", "moin,", "Hello again,", "Hi support,",
)  # fmt: skip
CLOSINGS = (
    "Thanks!", "thank you", "Kind regards", "Best, K.", "thx in advance", "Cheers", "Regards, M. H.",
    "Please advise.", "Looking forward to your answer.", "tia", "Many thanks in advance",
    "Greetings from Graz", "Sent from my phone", "bye",
)  # fmt: skip


def with_slip(text: str, rng: random.Random) -> str:
    """Return the text with one typing slip inside a word of four letters or more, or unchanged."""
    places = [match.span() for match in re.finditer(r"[A-Za-z]{4,}", text)]
    if not places:
        return text
    start, stop = rng.choice(places)
    at = rng.randrange(start + 1, stop - 1)
    near = rng.choice(NEIGHBOURS[text[at].lower()])
    slips = (
        text[:at] + text[at + 1] + text[at] + text[at + 2 :],
        text[:at] + text[at + 1 :],
        text[: at + 1] + text[at:],
        text[:at] + near + text[at + 1 :],
    )
    return rng.choice(slips)


def with_two_slips(text: str, rng: random.Random) -> str:
    """Return the text after two typing slips."""
    return with_slip(with_slip(text, rng), rng)


def in_lower_case(text: str, _rng: random.Random) -> str:
    """Return the text without capitals and without its last stop."""
    return text.lower().rstrip(".!")


def loudly(text: str, rng: random.Random) -> str:
    """Return a short text in capitals, a longer one with a louder ending."""
    if len(text) < 40 and rng.randrange(2):
        return text.upper()
    return text.rstrip(".!? ") + rng.choice(("!!", "!!!", "??", "...", " ?!"))


def without_commas(text: str, _rng: random.Random) -> str:
    """Return the text without commas and apostrophes, as typed in a hurry."""
    return text.replace(",", "").replace("'", "")


def greeted(text: str, rng: random.Random) -> str:
    """Return the text after a greeting."""
    return f"{rng.choice(GREETINGS)} {text}"


def closed(text: str, rng: random.Random) -> str:
    """Return the text with a closing line."""
    end = "" if text[-1] in ".!?)" else "."
    return f"{text}{end} {rng.choice(CLOSINGS)}"


def with_reference_number(text: str, rng: random.Random) -> str:
    """Return the text with another order number, or with a customer number added."""
    number = f"LH-{rng.randrange(46000, 53000)}"
    if re.search(r"LH-\d{5}", text):
        return re.sub(r"LH-\d{5}", number, text)
    end = "" if text[-1] in ".!?" else "."
    return f"{text}{end} {rng.choice(('My customer number is', 'customer no', 'Customer ID:'))} {number[3:]}"


def shortened(text: str, rng: random.Random) -> str:
    """Return the text with its common words abbreviated."""
    return _swapped(text, ABBREVIATIONS, rng)


def spelled_out(text: str, rng: random.Random) -> str:
    """Return the text with its contractions written out."""
    return _swapped(text, EXPANSIONS, rng)


def varied(text: str, rng: random.Random) -> str:
    """Return one variation of the text: one to three habits in turn; it may equal the text."""
    for habit in rng.sample(HABITS, rng.choice((1, 2, 2, 3))):
        text = habit(text, rng)
    return text


def _swapped(text: str, words: dict[str, str], rng: random.Random) -> str:
    def other(match: re.Match[str]) -> str:
        return words.get(match[0], match[0]) if rng.randrange(4) else match[0]

    return re.sub(r"[A-Za-z']+", other, text)


HABITS: tuple[Callable[[str, random.Random], str], ...] = (
    with_slip,
    with_two_slips,
    in_lower_case,
    loudly,
    without_commas,
    greeted,
    closed,
    with_reference_number,
    shortened,
    spelled_out,
)
