"""A run folder whose bundle finds people and streets: a real tagger, taught on a few made sentences."""

import itertools
from pathlib import Path

from suffice.adapt.tagger.method import TaggerMethod
from suffice.bundle import write_bundle
from suffice.candidate import Candidate
from suffice.cascade import Cascade, Tier
from suffice.certify import statement
from suffice.ports import TrainingRows
from suffice.readers.task_file import spec_of
from suffice.task import Kind, Sample

SCHEMA = {
    "type": "object",
    "properties": {
        "person": {"type": "array", "items": {"type": "string"}},
        "street": {"type": "array", "items": {"type": "string"}},
        "mood": {"enum": ["calm"]},
    },
}
_GIVEN, _FAMILY = ("Ada", "Bo", "Cy", "Dina", "Emil", "Fay"), ("Marsh", "Novak", "Ortiz", "Quint")
_PLACES = ("12 Elm Road", "4 Mill Lane")
_FORMS = (
    "please write to {p} today",
    "{p} lives at {s}",
    "the parcel for {p} was late",
    "send it to {s} now",
    "please write a poem about rain today",
    "the parcel was late",
)


def rows() -> list[Sample]:
    """Returns every sentence with every name."""
    found = []
    for number, (form, given, family) in enumerate(itertools.product(_FORMS, _GIVEN, _FAMILY)):
        person, street = f"{given} {family}", _PLACES[number % 2]
        target = {
            key: [value]
            for key, sign, value in (("person", "{p}", person), ("street", "{s}", street))
            if sign in form
        }
        text = form.format(p=person, s=street)
        found.append(Sample(key=str(number), text=text, target=target))
    return found


def tagger(folder: Path) -> Path:
    """Returns the folder of the tagger."""
    folder.mkdir(parents=True)
    TaggerMethod().apply(
        Candidate(name="tagger", kind="tagger", method="tagger"),
        TrainingRows(labels=(), train=rows(), dev=rows()[::5], kind=Kind.EXTRACT, schema=SCHEMA),
        out=folder,
        teacher=None,
        seed=0,
        progress=lambda *_: None,
    )
    return folder


def run(folder: Path) -> Path:
    """Returns a run folder with the tagger's bundle; it is not certified."""
    bars = {"quality": {"metric": "exact_match", "target": "absolute", "at_least": 0.8}}
    about = {"version": 1, "name": "people", "kind": "extract", "data": "rows.jsonl", "input": "text"}
    spec = spec_of({**about, "target": "target", "bars": bars}, base=folder, file="task.yaml")
    write_bundle(
        folder / statement.BUNDLE,
        Cascade(name="tagger", tiers=(Tier(model="tagger"),)),
        {"tagger": tagger(folder / "made")},
        spec=spec,
        rule="gate_or_confidence",
        reads_chats=False,
    )
    return folder
