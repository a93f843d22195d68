"""Where the values of an object stand in its text: each word's tag, from the row's target."""

from collections.abc import Sequence

from suffice.models.tagger.words import Word, words_of


def aligned(
    words: Sequence[Word], values: Sequence[tuple[str, str]]
) -> tuple[list[str], list[tuple[str, str]]]:
    """Returns each word's tag ("O", "B-field", "I-field"), and the (field, value) pairs that stand nowhere.

    Longer values are placed first, each at its first free place; case and white space do not count.
    """
    tags = ["O"] * len(words)
    forms = [word.form for word in words]
    missing = []
    for name, value in sorted(values, key=lambda pair: -len(pair[1])):
        wanted = [word.form for word in words_of(value)]
        place = _first_free(forms, tags, wanted)
        if place is None:
            missing.append((name, value))
            continue
        tags[place] = f"B-{name}"
        for inner in range(place + 1, place + len(wanted)):
            tags[inner] = f"I-{name}"
    return tags, missing


def _first_free(forms: Sequence[str], tags: Sequence[str], wanted: Sequence[str]) -> int | None:
    size = len(wanted)
    if size == 0:
        return None
    for start in range(len(forms) - size + 1):
        if forms[start : start + size] == wanted and all(tag == "O" for tag in tags[start : start + size]):
            return start
    return None
