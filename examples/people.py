"""Make a data set of people's names, streets and companies in sentences: `python examples/people.py`.

    python examples/people.py           # then: suffice run examples/people.yaml

Everything is made up from `people_words.json` and one seed, so it shows what a model learns from such
sentences and no more: real texts have names and sentences that nobody thought of. A third of the names
is kept for the certify rows, a quarter of the sentences for `python -m bench.privacy`, which measures on
what was seen nowhere. Python's standard library only.

In a sentence `{p}` is a full name, `{g}` a given and `{f}` a family name alone, `{s}` a street with its
number, `{c}` a company; `{d}`, `{m}`, `{n}`, `{t}` are a town, a month, a number and a thing.
"""

import argparse
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

SEED = 2026
WORDS = json.loads((Path(__file__).parent / "people_words.json").read_text(encoding="utf-8"))
ROWS = {"train": 9_000, "dev": 1_000, "certify": 1_500}
FIELDS = {"p": "person", "g": "person", "f": "person", "s": "street", "c": "company"}
_NOBODY_SHARE, _LOWER_SHARE, _OWN_SHARE, _MIDDLE_SHARE = 0.35, 0.12, 0.7, 0.08
_WORN_SHARE = 0.5
_HEADS = (*"bcdfghjklmnprstvwxyz", "ch", "kh", "sh", "th", "br", "dr", "gr", "kr", "st", "sz")
_VOWELS = (*"aeioaeiou", "ia", "ei", "ou", "aa", "ö", "é")
_TAILS = ("", "", *"nrslkmt", "ck", "ski", "son", "ev", "az")
_SENTENCES = (1, 1, 1, 2, 3)
_SMALL = sorted(
    {
        word
        for kind in ("somebody", "nobody")
        for sentences in WORDS[kind].values()
        for word in " ".join(sentences).split()
        if word.isalpha() and word.islower()
    }
)


class Row(NamedTuple):
    """A text, and the values that stand in it by field."""

    text: str
    target: dict[str, list[str]]


@dataclass(frozen=True, kw_only=True)
class Held:
    """Which parts are drawn from: those that the data set is made of (False), or those held out (True).

    `invented` is the share of names that are syllables by chance, `worn` that of sentences whose words are
    exchanged for others: what a model sees over and over it learns by heart.
    """

    names: bool = False
    sentences: bool = False
    invented: float = 0.0
    worn: float = 0.0


TAUGHT = Held(invented=0.7, worn=0.5)
UNSEEN_NAMES = Held(names=True)
UNSEEN = Held(names=True, sentences=True)


def rows(n: int, *, seed: str, held: Held = TAUGHT, lower: float = _LOWER_SHARE) -> list[Row]:
    """Returns n different rows; `lower` is the share that is written in lower case."""
    draw = random.Random(f"{SEED} {seed}")  # noqa: S311 - no secret
    found: dict[str, Row] = {}
    while len(found) < n:
        row = _row(draw, held)
        if draw.random() < lower:
            target = {field: [value.lower() for value in values] for field, values in row.target.items()}
            row = Row(row.text.lower(), target)
        found.setdefault(row.text, row)
    return list(found.values())


def _row(draw: random.Random, held: Held) -> Row:
    language = draw.choice(("en", "en", "en", "de", "de", "fr", "es", "it", "nl", "pl"))
    texts: list[str] = []
    target: dict[str, list[str]] = {}
    for _ in range(draw.choice(_SENTENCES)):
        kind = "nobody" if draw.random() < _NOBODY_SHARE else "somebody"
        sentences = _part(WORDS[kind][language], held.sentences, every=4)
        sentence = draw.choice(sentences)
        if draw.random() < held.worn:
            sentence = _worn(draw, _crossed(sentence, draw.choice(sentences)))
        texts.append(_filled(draw, sentence, language, held=held, target=target))
    return Row(draw.choice((" ", " ", "\n")).join(texts), target)


def _crossed(sentence: str, other: str) -> str:
    """Returns a sentence up to its first value, and what another has behind its first one."""
    first, second = sentence.partition("}"), other.partition("}")
    return sentence if not (first[1] and second[1]) else first[0] + first[1] + second[2]


def _worn(draw: random.Random, sentence: str) -> str:
    """Returns a sentence some of whose small words are any others."""
    words = sentence.split(" ")
    for at, word in enumerate(words):
        if word.isalpha() and word.islower() and draw.random() < _WORN_SHARE:
            words[at] = draw.choice(_SMALL)
    return " ".join(words)


def _filled(
    draw: random.Random, sentence: str, language: str, *, held: Held, target: dict[str, list[str]]
) -> str:
    """Returns a sentence with values in it, which are added to the target."""
    first, *parts = sentence.split("{")
    text = first
    for part in parts:
        sign, _, rest = part.partition("}")
        value = _value(draw, sign, language, held)
        if sign in FIELDS:
            target.setdefault(FIELDS[sign], []).append(value)
        text += value + rest
    return text


def _value(draw: random.Random, sign: str, language: str, held: Held) -> str:
    """Returns a name, street, company, town, month, number or thing."""
    if sign in "pgf":
        if draw.random() < held.invented:
            return _invented_name(draw, sign)
        origin = language if draw.random() < _OWN_SHARE else draw.choice(sorted(WORDS["given"]))
        return _name(draw, sign, origin, held)
    if sign == "s":
        begin, end, form = WORDS["street"][language]
        street = draw.choice(_part(begin, held.names)) + draw.choice(end)
        return str(form).replace("{n}", str(draw.randint(1, 180))).replace("{s}", street)
    if sign == "c":
        begin, middle, end = WORDS["company"]
        return str(draw.choice(_part(begin, held.names)) + draw.choice(middle) + draw.choice(end))
    if sign in "dt" and draw.random() < held.invented / 2:
        return _invented(draw) if sign == "d" else f"{_invented(draw)} {draw.choice(_SMALL)}"
    if sign == "n":
        return str(draw.randint(1, 30))
    return str(draw.choice(WORDS[{"d": "towns", "m": "months", "t": "things"}[sign]]))


def _invented_name(draw: random.Random, sign: str) -> str:
    given, family = _invented(draw), _invented(draw)
    return {"g": given, "f": family}.get(sign, f"{given} {family}")


def _invented(draw: random.Random) -> str:
    """Returns a word of two to four syllables by chance, with a capital."""
    syllables = [draw.choice(_HEADS) + draw.choice(_VOWELS) for _ in range(draw.choice((1, 2, 2, 3)))]
    return f"{''.join(syllables)}{draw.choice(_TAILS)}".capitalize()


def _name(draw: random.Random, sign: str, origin: str, held: Held) -> str:
    begin, end = WORDS["family"][origin]

    def family() -> str:
        return str(draw.choice(_part(begin, held.names)) + draw.choice(end))

    given: str = draw.choice(_part(WORDS["given"][origin], held.names))
    second = {"es": (0.4, " "), "en": (0.08, "-")}.get(origin)
    families = family()
    if second is not None and draw.random() < second[0]:
        families += second[1] + family()
    if sign == "g":
        return given
    middle = f"{draw.choice('ABCDEFGHJKLMNPRST')}. " if draw.random() < _MIDDLE_SHARE else ""
    return families if sign == "f" else f"{given} {middle}{families}"


def _part(values: Sequence[str], is_held: bool, *, every: int = 3) -> list[str]:  # noqa: FBT001 - read with its name
    """Returns one of every few values where they are held out, else the others."""
    return [value for at, value in enumerate(values) if (at % every == every - 1) == is_held]


def written(out: Path) -> list[Path]:
    """Writes train, dev and certify rows; returns the files."""
    made = []
    out.mkdir(parents=True, exist_ok=True)
    for split, n in ROWS.items():
        path = out / f"{split}.jsonl"
        held = UNSEEN_NAMES if split == "certify" else TAUGHT
        lines = [
            json.dumps(row._asdict(), ensure_ascii=False) + "\n" for row in rows(n, seed=split, held=held)
        ]
        path.write_text("".join(lines), encoding="utf-8")
        made.append(path)
    return made


def main() -> None:
    """Write the files and name them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/data/people"))
    for path in written(parser.parse_args().out):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
