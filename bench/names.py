"""How well a bundle of examples/people.yaml finds names: part of `bench.privacy`.

The bundle is made as a user makes one: `examples/people.py`, `suffice run`. It is then asked about made
sentences whose names, sentences or both it never saw, and about real bookings with names (Restaurant8k,
from SUFFICE_DATA).
"""

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import yaml

from examples import people
from suffice.bundle import model_folder, schema_of
from suffice.certify.statement import BUNDLE
from suffice.models import registry
from suffice.pipeline.run import RunSettings, run_task
from suffice.serve.privacy.names import ModelFinder, mapped, text_fields
from suffice.stats.intervals import wilson

EXAMPLE = Path(people.__file__).parent / "people.yaml"
CLASSES = {"person": "name", "street": "address"}
_EACH = 800
_SEEN = people.Held()


class Marked(NamedTuple):
    """A text, and where its names and addresses stand, by class."""

    text: str
    spans: dict[str, list[tuple[int, int]]]


@contextmanager
def finder() -> Iterator[tuple[ModelFinder, str]]:
    """Yields the finder of a bundle made from the example, and a sentence on the run that made it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        people.written(place)
        task = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
        task["data"] = {split: str(place / f"{split}.jsonl") for split in people.ROWS}
        (place / "task.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")
        settings = RunSettings(offline=True, account=place / "account.sqlite")
        facts = run_task(
            place / "task.yaml", out=place / "run", settings=settings, progress=lambda *_: None
        ).facts
        bundle = place / "run" / BUNDLE
        fields = mapped(CLASSES, text_fields(schema_of(bundle)))
        size = sum(file.stat().st_size for file in bundle.rglob("*") if file.is_file())
        about = f"{facts.data.train:,} train rows; {facts.sentence} The bundle has {size / 1e6:.2f} MB."
        yield ModelFinder(registry.load(model_folder(bundle)), fields), about


def main(names: ModelFinder) -> None:
    """Print what is found on each set."""
    print(
        "| set | names found | addresses found | finds that touch one "
        "| texts without, in which some is found |"
    )
    print("|---|---|---|---|---|")
    for what, texts, key in _sets():
        print(f"| {what} | {' | '.join(_cells(names, texts, key))} |")


def _sets() -> Iterator[tuple[str, Sequence[Marked], str]]:
    """Returns the sets, the easiest first, with the key under which their texts stand."""
    sets = (
        ("made, names and sentences both taught", _SEEN, 0.0),
        ("made, unseen names in taught sentences", people.UNSEEN_NAMES, 0.0),
        ("made, taught names in unseen sentences", people.Held(sentences=True), 0.0),
        ("made, unseen names in unseen sentences", people.UNSEEN, 0.0),
        ("the same in lower case", people.UNSEEN, 1.0),
    )
    for what, held, lower in sets:
        rows = people.rows(_EACH, seed="bench", held=held, lower=lower)
        yield what, [_marked(row) for row in rows], "content"
    unseen = people.rows(_EACH, seed="bench", held=people.UNSEEN, lower=0.0)
    values = dict.fromkeys(value for row in unseen for value in row.target.get("person", ()))
    alone = [Marked(value, {"name": [(0, len(value))]}) for value in values]
    yield "made, unseen names alone as a message", alone, "content"
    for key in ("name", "traveller"):
        yield f"made, unseen names alone as the value of `{key}`", alone, key
    words = [Marked(word, {}) for word in (*people.WORDS["towns"], *people.WORDS["things"])]
    yield "towns and things alone as the value of `place`", words, "place"
    bookings = Path(os.environ.get("SUFFICE_DATA", "../shared/data")) / "restaurant8k" / "test.json"
    if bookings.is_file():
        given = [_booking(row) for row in json.loads(bookings.read_text(encoding="utf-8"))]
        named = [row for row in given if row.spans["name"]]
        yield "real bookings with names (Restaurant8k)", named, "content"
        yield "the same, put in lower case", [Marked(row.text.lower(), row.spans) for row in named], "content"
        yield "real bookings without a name", [row for row in given if not row.spans["name"]], "content"


def _marked(row: people.Row) -> Marked:
    spans: dict[str, list[tuple[int, int]]] = {}
    for field, name in CLASSES.items():
        for value in dict.fromkeys(row.target.get(field, ())):
            start = row.text.index(value)
            spans.setdefault(name, []).append((start, start + len(value)))
    return Marked(row.text, spans)


def _booking(row: dict[str, object]) -> Marked:
    text = str(row["userInput"]["text"])  # type: ignore[index]
    spans = []
    for label in row.get("labels", ()):  # type: ignore[attr-defined]
        if label["slot"] in {"first_name", "last_name"}:
            span = label["valueSpan"]
            spans.append((span.get("startIndex", 0), span["endIndex"]))
    return Marked(text, {"name": spans})


def _cells(names: ModelFinder, texts: Sequence[Marked], key: str) -> list[str]:
    """Returns recall of names and addresses, precision of the finds, and texts that are found wrongly."""
    found = {"name": [0, 0], "address": [0, 0]}
    touching, finds, wrong, empty = 0, 0, 0, 0
    for text, spans in texts:
        given = [(start, end, name) for start, end, name in names.find(text, key, lambda: None)]
        covered = {at for start, end, _ in given for at in range(start, end)}
        for name, places in spans.items():
            found[name][0] += sum(_letters(text, place) <= covered for place in places)
            found[name][1] += len(places)
        private = {at for places in spans.values() for place in places for at in range(*place)}
        finds += len(given)
        touching += sum(not private.isdisjoint(range(start, end)) for start, end, _ in given)
        if not private:
            empty += 1
            wrong += bool(given)
    rates = [found["name"], found["address"], [touching, finds], [wrong, empty]]
    return [rate(hits, n) for hits, n in rates]


def _letters(text: str, place: tuple[int, int]) -> set[int]:
    return {at for at in range(*place) if text[at].isalnum()}


def rate(hits: int, n: int) -> str:
    """Returns a rate with its 95% Wilson interval and n."""
    if n == 0:
        return "-"
    bounds = wilson(hits, n)
    return f"{hits / n:.3f} [{bounds.lower:.3f}, {bounds.upper:.3f}], {n}"
