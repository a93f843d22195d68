"""The prepared rows as files: one JSON line a sample and split, and what was found in the data."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice import files
from suffice.forms import taught_target
from suffice.ports import TrainingRows
from suffice.task import Kind, Message, Sample, Split

_FACTS = "facts.json"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The three splits with what was found in the data.

    `total` counts the rows read, `labelled_share` the distinct inputs with a truth; `imbalance` is
    the largest class over the smallest. `fingerprints` names each split by the sha256 of its keys.
    `schema` is that of an extract task's answers.
    """

    splits: Mapping[Split, tuple[Sample, ...]]
    labels: tuple[str, ...]
    targets_are_reference: bool
    total: int
    labelled_share: float
    imbalance: float | None
    findings: tuple[str, ...]
    fingerprints: Mapping[str, str]
    kind: Kind = Kind.CLASSIFY
    schema: Mapping[str, Any] | None = None
    instruction: str = ""

    @property
    def are_chats(self) -> bool:
        """Says whether inputs are chats with their turns, rather than texts alone."""
        return any(sample.messages for split in self.splits.values() for sample in split)

    def training(self) -> TrainingRows:
        """Returns what methods may look at; without any truth, targets are the reference's answers.

        A dev row whose label no train row has teaches nothing, so it is not among them; where
        quality is judged it counts as wrong.
        """
        train, dev = self.splits[Split.TRAIN], self.splits[Split.DEV]
        if self.targets_are_reference:
            train, dev = _taught(train, self.kind), _taught(dev, self.kind)
        known = set(self.labels)
        is_open = self.kind is not Kind.CLASSIFY
        return TrainingRows(
            labels=self.labels,
            train=tuple(s for s in train if s.target is not None),
            dev=tuple(s for s in dev if s.target is not None and (is_open or s.target in known)),
            unlabelled=tuple(s for s in train if s.target is None),
            targets_are_reference=self.targets_are_reference,
            kind=self.kind,
            schema=self.schema,
            instruction=self.instruction,
        )


def write_rows(folder: Path, rows: Rows) -> None:
    """Writes the rows into a folder."""
    for split, samples in rows.splits.items():
        lines = "".join(json.dumps(_plain(sample), ensure_ascii=False) + "\n" for sample in samples)
        files.write_text(folder / f"{split.value}.jsonl", lines)
    facts = {f.name: getattr(rows, f.name) for f in dataclasses.fields(rows) if f.name != "splits"}
    files.write_json(folder / _FACTS, facts)


def read_rows(folder: Path) -> Rows:
    """Returns the rows that `write_rows` wrote."""
    facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
    for name in ("labels", "findings"):
        facts[name] = tuple(facts[name])
    facts["kind"] = Kind(facts["kind"])
    return Rows(splits={split: tuple(_read(folder / f"{split.value}.jsonl")) for split in Split}, **facts)


def _read(path: Path) -> Iterable[Sample]:
    for line in path.read_bytes().split(b"\n"):  # a text may hold other signs that end lines in Python
        if line:
            fields = json.loads(line.decode("utf-8", "surrogatepass"))
            fields["messages"] = tuple(Message(**message) for message in fields.get("messages", ()))
            yield Sample(**fields)


def _plain(sample: Sample) -> dict[str, Any]:
    fields = {field.name: getattr(sample, field.name) for field in dataclasses.fields(sample)}
    fields["messages"] = [{"role": m.role, "content": m.content} for m in sample.messages]
    fields["recorded"] = dict(sample.recorded)
    required = {"key", "text"}
    answers = {"target", "reference"}  # an empty object is an answer: nothing is to be extracted

    def is_kept(name: str, value: object) -> bool:
        return name in required or (value is not None if name in answers else value not in (None, "", [], {}))

    return {name: value for name, value in fields.items() if is_kept(name, value)}


def _taught(samples: Iterable[Sample], kind: Kind) -> tuple[Sample, ...]:
    """Returns the samples with the reference's answers as targets; for extract, those that are objects."""
    return tuple(
        dataclasses.replace(sample, target=taught_target(sample.reference, kind)) for sample in samples
    )
