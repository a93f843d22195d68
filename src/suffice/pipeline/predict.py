"""Answering a file of inputs with the system a run has chosen."""

import asyncio
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice import fingerprint
from suffice.bundle import identity, open_bundle
from suffice.certify.statement import BUNDLE
from suffice.errors import BudgetExceeded, OutputError
from suffice.forms import answer_object
from suffice.measure.quality import requests_of
from suffice.models.http.spend import SpendAccount
from suffice.models.remembered import Calls
from suffice.pipeline.unfinished import Unfinished, unfinished
from suffice.ports import Answer, Model, Progress
from suffice.readers.load import read_inputs
from suffice.readers.rows import Tally
from suffice.readers.text_lines import open_bytes
from suffice.task import Kind, Sample

_BATCH = 256


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """How many rows were answered, how many of them are the reference's to answer, and what was skipped.

    `spent_usd` is what paid tiers cost in this call, by their own usage where they state it.
    """

    rows: int
    escalated: int
    failed: int
    skipped: int
    spent_usd: float


@dataclass(slots=True)
class _Counts:
    """What the written rows hold so far."""

    rows: int = 0
    escalated: int = 0
    failed: int = 0

    def hear(self, row: Mapping[str, Any]) -> None:
        self.rows += 1
        self.escalated += bool(row.get("escalated"))
        self.failed += "error" in row


def predict_file(
    folder: Path, source: Path, out: Path, *, max_usd: float | None = None, progress: Progress
) -> Prediction:
    """Returns the counts after writing one JSON line for each row of `source` that has an input.

    Rows are read, answered and written in batches, so a file of any size takes little memory. The
    output appears under its name when it is whole; stopped before, the same call goes on where
    it was. `max_usd` caps what this call may spend on paid tiers: where it is reached, the rows so far
    are put under the output's name.

    Raises:
        ArtefactError: the run holds no bundle, or a damaged one.
        DataError: the input file cannot be read.
        OutputError: the output cannot be written.
        ModelError: a server that should answer cannot, or may not be asked.
        BudgetExceeded: the cap is reached, or none is set where a tier costs money.
    """
    place = folder / BUNDLE
    account = SpendAccount(cap_usd=max_usd)
    counts, tally = _Counts(), Tally()
    made_from = _made_from(place, source, out)
    with unfinished(out, made_from=made_from, heard=counts.hear) as output, asyncio.Runner() as runner:
        calls = Calls(account=account, store=output.store, progress=progress)
        bundle = open_bundle(place, calls=calls)
        samples = itertools.islice(read_inputs(source, bundle.spec, tally=tally), counts.rows, None)
        try:
            for part, answers in _answered(_batches(samples), bundle.model, runner, account):
                rows = [_row(*pair, kind=bundle.spec.kind) for pair in zip(part, answers, strict=True)]
                output.write(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
                for row in rows:
                    counts.hear(row)
                progress("answer", counts.rows, counts.rows)
        except BudgetExceeded as refused:
            raise _stopped(refused, output, counts.rows, account) from refused
        finally:
            runner.run(bundle.model.close())
    return Prediction(
        rows=counts.rows,
        escalated=counts.escalated,
        failed=counts.failed,
        skipped=tally.count("rows without input"),
        spent_usd=account.spent_usd,
    )


def _made_from(place: Path, source: Path, out: Path) -> str:
    """Returns a hash of the bundle and the input, after checking that they and the output can be used."""
    if out.is_dir():
        raise OutputError(f"cannot write {out}: it is a folder", hint="name a file with --out")
    if out.is_file() and source.exists() and out.samefile(source):
        raise OutputError(
            f"{out} is the input too: the answers would replace it", hint="name another file with --out"
        )
    bundle = identity(place)
    with open_bytes(source):  # a missing or unreadable file is an error of the data
        return fingerprint.of_value((bundle, fingerprint.of_file(source)))


def _batches(samples: Iterator[Sample]) -> Iterator[Sequence[Sample]]:
    while batch := list(itertools.islice(samples, _BATCH)):
        yield batch


def _answered(
    batches: Iterable[Sequence[Sample]], model: Model, runner: asyncio.Runner, account: SpendAccount
) -> Iterator[tuple[Sequence[Sample], list[Answer]]]:
    """Yields batches with their answers; where a cap does not cover one, the halves that it covers.

    Raises:
        BudgetExceeded: the cap does not cover the next row, or there is none.
    """
    for batch in batches:
        try:
            answers = runner.run(model.answer(requests_of(batch)))
        except BudgetExceeded:
            if len(batch) == 1 or account.cap_usd is None:
                raise
            middle = len(batch) // 2
            yield from _answered((batch[:middle], batch[middle:]), model, runner, account)
        else:
            yield batch, answers


def _stopped(refused: BudgetExceeded, output: Unfinished, rows: int, account: SpendAccount) -> BudgetExceeded:
    """Returns what to say where the cap ends a prediction, after showing the rows so far."""
    if not account.spent_usd:
        return refused
    output.show()
    return BudgetExceeded(
        f"stopped after {rows:,} rows, which are in {output.out}, and ${account.spent_usd:.4f}: "
        f"{refused.message}",
        hint="type the same command again to go on after them: the cap is for one command",
    )


def _row(sample: Sample, answer: Answer, *, kind: Kind) -> dict[str, Any]:
    """Returns what is written; an extracted object as such, what is no object as the text it is."""
    value = answer_object(answer.text) if kind is Kind.EXTRACT else None
    row: dict[str, Any] = {
        "source": sample.source,
        "answer": answer.text if value is None else value,
        "confidence": None if answer.confidence is None else round(answer.confidence, 6),
        "tier": answer.tier,
        "escalated": answer.escalated,
    }
    if answer.error is not None:
        row["error"] = answer.error
    if answer.notes:
        row["notes"] = list(answer.notes)
    return row
