"""What the train rows teach beyond weights: the values that were tagged, and the words around them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

# A phrase of more words is not looked up; a value seen more often than this counts as seen so often.
_LONGEST = 8
_MOST = 3
# A word is a carrier ("the", "playlist") where so many of its occurrences, of so many, are outside of values.
_CARRIER_SHARE, _CARRIER_COUNT = 0.9, 5


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """What was tagged, and what mostly stands around it.

    `values`: phrase (lower-case words joined by blanks) -> how often each field had it, up to 3.
    `outside`: carriers.
    """

    values: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    outside: frozenset[str] = frozenset()

    def phrases(self, forms: Sequence[str], *, known: bool) -> list[list[str]]:
        """Returns for each word the tags whose known values it begins, continues or is, as features.

        Of a text the lexicon was made of, one occurrence of each value is its own and is not counted.
        """
        found: list[list[str]] = [[] for _ in forms]
        for start in range(len(forms)):
            for end in range(start + 1, min(start + _LONGEST, len(forms)) + 1):
                tags = self.values.get(" ".join(forms[start:end]))
                if tags is None:
                    continue
                size = min(end - start, 3)
                for tag, count in tags.items():
                    if count <= known:
                        continue
                    found[start].append(f"B{tag} {size}")
                    for inner in range(start + 1, end):
                        found[inner].append(f"I{tag} {size}")
                    found[end - 1].append(f"E{tag} {size}")
        return found

    def carriers(self, forms: Sequence[str]) -> list[tuple[str, str]]:
        """Returns for each word the nearest carrier before and after it; "" where there is none."""
        left, right = [""] * len(forms), [""] * len(forms)
        last = ""
        for place, form in enumerate(forms):
            left[place] = last
            if form in self.outside:
                last = form
        last = ""
        for place in range(len(forms) - 1, -1, -1):
            right[place] = last
            if forms[place] in self.outside:
                last = forms[place]
        return list(zip(left, right, strict=True))


def lexicon_of(tagged: Iterable[tuple[Sequence[str], Sequence[str]]]) -> Lexicon:
    """Returns the lexicon of texts given as (forms, tags); a tag is "O", "B-field" or "I-field"."""
    values: dict[str, Counter[str]] = defaultdict(Counter)
    outside: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for forms, tags in tagged:
        for form, tag in zip(forms, tags, strict=True):
            seen[form] += 1
            outside[form] += tag == "O"
        for field_name, start, end in spans(tags):
            values[" ".join(forms[start:end])][field_name] += 1
    carriers = {
        form
        for form, count in seen.items()
        if count >= _CARRIER_COUNT and outside[form] >= _CARRIER_SHARE * count
    }
    return Lexicon(
        values={
            phrase: {tag: min(count, _MOST) for tag, count in sorted(tags.items())}
            for phrase, tags in sorted(values.items())
        },
        outside=frozenset(carriers),
    )


def spans(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """Returns the (field, start, end) of each value in a text's tags, in order."""
    found: list[tuple[str, int, int]] = []
    start: int | None = None
    for place, tag in enumerate([*tags, "O"]):
        if start is not None and not tag.startswith("I-"):
            found.append((tags[start][2:], start, place))
            start = None
        if tag.startswith("B-"):
            start = place
    return found
