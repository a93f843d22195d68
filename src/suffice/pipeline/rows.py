"""The prepared rows as files: one JSON line a sample and split, and what was found in the data."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice import files
from suffice.ports import TrainingRows
from suffice.task import Message, Sample, Split

_FACTS = "facts.json"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The three splits with the labels and findings of the data."""

    splits: Mapping[Split, tuple[Sample, ...]]
    labels: tuple[str, ...]
    findings: tuple[str, ...]
    fingerprints: Mapping[str, str]

    def training(self) -> TrainingRows:
        """Returns what methods may look at.

        Where not a single train row has a truth, the reference's answers stand in for it.
        """
        train = self.splits[Split.TRAIN]
        from_reference = not any(sample.target is not None for sample in train)
        if from_reference:
            train = tuple(_taught_by_reference(sample) for sample in train)
            dev = tuple(_taught_by_reference(sample) for sample in self.splits[Split.DEV])
        else:
            dev = self.splits[Split.DEV]
        return TrainingRows(
            labels=self.labels,
            train=tuple(s for s in train if s.target is not None),
            dev=tuple(s for s in dev if s.target is not None),
            unlabelled=tuple(s for s in train if s.target is None),
            targets_are_reference=from_reference,
        )


def write_rows(folder: Path, rows: Rows) -> None:
    """Writes the rows into a folder."""
    for split, samples in rows.splits.items():
        lines = "".join(json.dumps(_plain(sample), ensure_ascii=False) + "\n" for sample in samples)
        files.write_text(folder / f"{split.value}.jsonl", lines)
    facts = {
        "labels": list(rows.labels),
        "findings": list(rows.findings),
        "fingerprints": dict(rows.fingerprints),
    }
    files.write_json(folder / _FACTS, facts)


def read_rows(folder: Path) -> Rows:
    """Returns the rows that `write_rows` wrote."""
    facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
    splits = {split: tuple(_read(folder / f"{split.value}.jsonl")) for split in Split}
    return Rows(
        splits=splits,
        labels=tuple(facts["labels"]),
        findings=tuple(facts["findings"]),
        fingerprints=facts["fingerprints"],
    )


def _read(path: Path) -> Iterable[Sample]:
    for line in path.read_bytes().split(b"\n"):  # a text may hold other signs that end lines in Python
        if line:
            fields = json.loads(line.decode("utf-8", "surrogatepass"))
            fields["messages"] = tuple(Message(**message) for message in fields.get("messages", ()))
            yield Sample(**fields)


def _plain(sample: Sample) -> dict[str, Any]:
    fields = {name: getattr(sample, name) for name in Sample.__slots__}
    fields["messages"] = [{"role": m.role, "content": m.content} for m in sample.messages]
    fields["recorded"] = dict(sample.recorded)
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def _taught_by_reference(sample: Sample) -> Sample:
    fields = {name: getattr(sample, name) for name in Sample.__slots__}
    return Sample(**{**fields, "target": sample.reference})
