"""Answering a file of inputs with the system a run has chosen."""

import asyncio
import contextlib
import itertools
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from suffice import files
from suffice.certify.statement import BUNDLE
from suffice.errors import OutputError
from suffice.measure.quality import requests_of
from suffice.pipeline.bundle import open_bundle
from suffice.ports import Answer, Progress
from suffice.readers.load import read_inputs
from suffice.readers.rows import Tally
from suffice.task import Sample

_BATCH = 256


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """How many rows were answered, how many of them are the reference's to answer, and what was skipped."""

    rows: int
    escalated: int
    failed: int
    skipped: int


def predict_file(folder: Path, source: Path, out: Path, *, progress: Progress) -> Prediction:
    """Returns the counts after writing one JSON line for each row of `source` that has an input.

    Rows are read, answered and written in batches, so a file of any size takes little memory. The
    output appears under its name when it is whole.

    Raises:
        ArtefactError: the run holds no bundle, or a damaged one.
        DataError: the input file cannot be read.
        OutputError: the output cannot be written.
    """
    bundle = open_bundle(folder / BUNDLE)
    tally = Tally()
    counts = {"rows": 0, "escalated": 0, "failed": 0}
    with asyncio.Runner() as runner:
        try:
            with _whole(out, source) as file:
                for samples in _batches(read_inputs(source, bundle.spec, tally=tally)):
                    answers = runner.run(bundle.model.answer(requests_of(samples)))
                    file.writelines(map(_line, samples, answers))
                    counts["rows"] += len(samples)
                    counts["escalated"] += sum(answer.escalated for answer in answers)
                    counts["failed"] += sum(answer.error is not None for answer in answers)
                    progress("answer", counts["rows"], counts["rows"])
        finally:
            runner.run(bundle.model.close())
    return Prediction(**counts, skipped=tally.count("rows without input"))


@contextlib.contextmanager
def _whole(out: Path, source: Path) -> Iterator[TextIO]:
    """Gives a file to write to, which takes the name `out` when all is written; a device is written to."""
    with files.writable(out):
        if out.is_dir():
            raise OutputError(f"cannot write {out}: it is a folder", hint="name a file with --out")
        if out.exists() and not out.is_file():
            with out.open("w", encoding="utf-8") as device:
                yield device
            return
        if out.exists() and source.exists() and out.samefile(source):
            raise OutputError(
                f"{out} is the input too: the answers would replace it", hint="name another file with --out"
            )
        out.parent.mkdir(parents=True, exist_ok=True)
        unfinished = out.with_name(f".{out.name}.unfinished")
        try:
            with unfinished.open("w", encoding="utf-8") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(out)
        finally:
            unfinished.unlink(missing_ok=True)


def _batches(samples: Iterator[Sample]) -> Iterator[Sequence[Sample]]:
    while batch := list(itertools.islice(samples, _BATCH)):
        yield batch


def _line(sample: Sample, answer: Answer) -> str:
    row: dict[str, Any] = {
        "source": sample.source,
        "answer": answer.text,
        "confidence": None if answer.confidence is None else round(answer.confidence, 6),
        "tier": answer.tier,
        "escalated": answer.escalated,
    }
    if answer.error is not None:
        row["error"] = answer.error
    if answer.notes:
        row["notes"] = list(answer.notes)
    return json.dumps(row, ensure_ascii=False) + "\n"
