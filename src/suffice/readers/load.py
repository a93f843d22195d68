"""From a task file to everything a run needs of it: the task, the splits and what was found in the data."""

import dataclasses
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice.bar import Target
from suffice.errors import DataError
from suffice.forms import taught_target
from suffice.ports import TrainingRows
from suffice.readers import hub
from suffice.readers.answer_schema import misfits
from suffice.readers.columns import Columns, columns_of, missing_column
from suffice.readers.findings import Finding, Severity, listed, of_tally
from suffice.readers.inferred_schema import fields_in_words, inferred
from suffice.readers.profile import Profile, findings_of, foreign_answers, profile_of, unseen
from suffice.readers.rows import Tally
from suffice.readers.samples import Gathered, gather, sample_of
from suffice.readers.source import Source, open_source
from suffice.readers.spec import Spec
from suffice.readers.splits import Splits, cut
from suffice.readers.task_file import read_spec
from suffice.readers.values import canonical
from suffice.task import Kind, Sample, Split, Task


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A task with its data.

    `targets_are_reference`: there is no truth; models learn the reference's answers.
    """

    spec: Spec
    task: Task
    splits: Splits
    profile: Profile
    findings: tuple[Finding, ...]
    targets_are_reference: bool = False

    def training_rows(self) -> TrainingRows:
        """Returns what methods may look at; where there is no truth, targets are the reference's answers."""
        train, dev = self.splits.train, self.splits.dev
        if self.targets_are_reference:
            train, dev = _taught(train, self.task.kind), _taught(dev, self.task.kind)
        return TrainingRows(
            labels=self.task.labels,
            train=tuple(sample for sample in train if sample.target is not None),
            dev=tuple(sample for sample in dev if sample.target is not None),
            unlabelled=tuple(sample for sample in train if sample.target is None),
            targets_are_reference=self.targets_are_reference,
            kind=self.task.kind,
            schema=self.task.schema,
            instruction=self.task.instruction,
        )


def load(task_file: Spec | Path | str, *, offline: bool = False) -> Loaded:
    """Returns the task, its splits and every finding.

    Raises:
        SpecError: the task file is wrong.
        DataError: the rows cannot be used; names file and line.
        MissingExtra: a format needs a package that is not installed.
    """
    spec = task_file if isinstance(task_file, Spec) else read_spec(task_file)
    tally = Tally()
    gathered: dict[Split | None, Gathered] = {}
    taken_for: list[str] = []
    for split, written in _file_sets(spec).items():
        source = open_source(_local(written, spec, offline=offline), encoding=spec.encoding)
        taken_for += [str(file) for file in source.files]
        gathered[split] = _gather(source, spec, tally)
    parts = tuple(gathered.values())
    splits = cut({split: part.samples for split, part in gathered.items()}, spec.splits)
    profile = profile_of(parts, spec.kind)
    learns_reference = profile.labelled == 0
    labels = _labels(spec, splits, learns_reference=learns_reference)
    schema, shape = _answer_schema(spec, splits, learns_reference=learns_reference)
    is_comparable = spec.kind is Kind.CLASSIFY and not learns_reference
    files = Finding(
        what="files read", count=len(taken_for), detail="each told by its content", examples=tuple(taken_for)
    )
    findings = (
        files,
        *of_tally(tally),
        *findings_of(profile, parts),
        *(foreign_answers(parts, labels, profile) if is_comparable else ()),
        *shape,
        *splits.findings,
        *_split_findings(spec, splits, learns_reference=learns_reference),
    )
    return Loaded(
        spec=spec,
        task=Task(
            name=spec.name,
            kind=spec.kind,
            labels=labels,
            quality=spec.quality_bar,
            resources=spec.resource_bars,
            alpha=spec.alpha,
            minimise=spec.minimise,
            schema=schema,
            instruction=spec.instruction or "",
        ),
        splits=splits,
        profile=profile,
        findings=findings,
        targets_are_reference=learns_reference,
    )


def read_inputs(path: Path | str, spec: Spec, *, tally: Tally | None = None) -> Iterator[Sample]:
    """Yields one sample per row of a file of any format, in file order; labels are welcome, not needed.

    Rows without input are skipped and counted in `tally`, so that a caller can name them.

    Raises:
        DataError: the file cannot be read, or has no input column.
    """
    tally = Tally() if tally is None else tally
    source = open_source([Path(path)], encoding=spec.encoding)
    columns: Columns | None = None
    names: set[str] = set()
    found = False
    for row in source.rows(tally):
        names.update(row.fields if not found else ())
        if columns is None:
            bare = spec.model_copy(update={"reference": None, "target": None, "judge": None, "ladder": None})
            columns = dataclasses.replace(columns_of(bare, source.records, row.fields), target=None)
        sample = sample_of(row, columns, spec.kind, tally)
        if sample is not None:
            found = True
            yield sample
    if found:
        return
    if columns is None:
        raise DataError(f"{path} holds no rows", hint="give a file with at least one row")
    if columns.input not in names:
        raise missing_column(columns.input, names, file=str(path), role="input of the task")
    raise DataError(f"{path}: no row has a text in {columns.input!r}", hint="give rows that have one")


def _file_sets(spec: Spec) -> dict[Split | None, tuple[str, ...]]:
    data = spec.data
    if data.train:
        apart = {Split.TRAIN: data.train, Split.DEV: data.dev, Split.CERTIFY: data.certify}
        return {split: files for split, files in apart.items() if files}
    return {None: data.files or data.batch_input + data.batch_output}


def _local(written: Sequence[str], spec: Spec, *, offline: bool) -> list[Path]:
    paths: list[Path] = []
    for name in written:
        paths += hub.download(name, offline=offline) if name.startswith(hub.PREFIX) else [spec.path(name)]
    return paths


def _gather(source: Source, spec: Spec, tally: Tally) -> Gathered:
    rows = source.rows(tally)
    first = next(rows, None)
    if first is None:
        raise DataError(f"{source.files[0].path} holds no rows", hint="give a file with at least one row")
    columns = columns_of(spec, source.records, first.fields)

    def all_rows() -> Iterator[object]:
        yield first
        yield from rows

    return gather(all_rows(), columns, kind=spec.kind, max_rows=spec.max_rows, tally=tally)  # type: ignore[arg-type]


def _taught(samples: Sequence[Sample], kind: Kind) -> tuple[Sample, ...]:
    return tuple(
        dataclasses.replace(sample, target=taught_target(sample.reference, kind)) for sample in samples
    )


def _answer_schema(
    spec: Spec, splits: Splits, *, learns_reference: bool
) -> tuple[Mapping[str, Any] | None, list[Finding]]:
    """Returns the schema of an extract task's answers, as told or inferred, and what rows do not fit it."""
    if spec.kind is not Kind.EXTRACT:
        return None, []
    rows = _taught(splits.train, spec.kind) if learns_reference else splits.train
    train = [sample for sample in rows if sample.target is not None]
    if spec.answer_schema is not None:
        return spec.answer_schema, [
            finding for split in Split for finding in misfits(split, splits.of(split), spec.answer_schema)
        ]
    if not train:
        raise DataError(
            "the task has no schema, and no train row has an object to infer it from",
            hint="add `schema:` (JSON Schema, or its file), or check `target:` and `reference.answers`",
        )
    schema = inferred(train)
    fields = list(fields_in_words(schema))
    found = Finding(
        what="schema inferred",
        count=len(fields),
        detail=f"fields, from {len(train):,} train targets; `schema:` in the task file replaces it",
        examples=tuple(fields),
    )
    return schema, [found, *(f for s in (Split.DEV, Split.CERTIFY) for f in misfits(s, splits.of(s), schema))]


def _labels(spec: Spec, splits: Splits, *, learns_reference: bool) -> tuple[str, ...]:
    """Every label of a train row, sorted; the reference's answers where there is no truth at all."""
    if spec.kind is not Kind.CLASSIFY:
        return ()
    rows = _taught(splits.train, spec.kind) if learns_reference else splits.train
    live = spec.reference is not None and spec.reference.openai is not None
    labels = tuple(sorted({canonical(sample.target) for sample in rows if sample.target is not None}))
    if not splits.train:
        raise DataError(
            "no row is left to learn from: the train split is empty",
            hint="give more rows; rows that stand in a dev or certify file too are taken out of train",
        )
    if not labels and not (learns_reference and live):
        raise DataError(
            f"no row of the train split ({len(splits.train):,} rows) has a truth or a reference answer",
            hint="name the field of the labels (`target:`) or of recorded answers (`reference.answers`)",
        )
    if len(labels) == 1:
        raise DataError(
            f"every labelled train row has the label {labels[0]!r}; there is nothing to tell apart",
            hint="give rows of at least two classes, or check `target:`",
        )
    positive = spec.bars.quality.positive
    if positive is not None and labels and positive not in labels:
        near = difflib.get_close_matches(positive, labels, n=1)
        raise DataError(
            f"bars.quality.positive is {positive!r}, which no train row is labelled with",
            hint=f"did you mean {near[0]!r}?" if near else f"the labels are {listed(labels, 10)}",
        )
    return labels


def _split_findings(spec: Spec, splits: Splits, *, learns_reference: bool) -> list[Finding]:
    sizes = {split: len(splits.of(split)) for split in Split}
    found = [
        Finding(
            what="splits",
            count=sum(sizes.values()),
            detail=", ".join(f"{split.value} {size:,}" for split, size in sizes.items()),
        )
    ]
    target = spec.bars.quality.target
    agreement = target is Target.AGREEMENT
    if learns_reference:
        found.append(
            Finding(
                what="no truth",
                count=sizes[Split.TRAIN],
                detail="no row has a truth; models learn the reference's answers, which are not the same"
                + ("" if agreement else f"; target {target.value} cannot be shown without truth"),
                severity=Severity.WARNING if agreement else Severity.PROBLEM,
            )
        )
    for split in (Split.DEV, Split.CERTIFY):
        if not sizes[split]:
            found.append(
                Finding(
                    what=f"empty {split.value} split",
                    count=0,
                    detail="too few rows",
                    severity=Severity.PROBLEM,
                )
            )
        found += _unanswered(spec, split, splits.of(split))
        strangers: Mapping[str, int] = unseen(splits.train, splits.of(split))
        if strangers and not learns_reference and spec.kind is Kind.CLASSIFY:
            found.append(
                Finding(
                    what=f"{split.value} rows with a label that no train row has",
                    count=sum(strangers.values()),
                    detail="no local model can answer them right; they count as wrong",
                    examples=tuple(f"{label} ({count})" for label, count in strangers.items())[:5],
                    severity=Severity.WARNING,
                )
            )
    return found


def _unanswered(spec: Spec, split: Split, samples: Sequence[Sample]) -> list[Finding]:
    """Says where recorded answers of the reference are missing: which ones do may depend on the row."""
    if spec.reference is None or spec.reference.openai is not None:
        return []
    missing = sum(sample.reference is None for sample in samples)
    if not missing:
        return []
    is_compared = spec.bars.quality.target is not Target.ABSOLUTE
    return [
        Finding(
            what=f"{split.value} rows without the reference's answer",
            count=missing,
            detail=f"of {len(samples):,}; what is compared with the reference is compared on the others, "
            "and holds for rows like those",
            severity=Severity.WARNING if is_compared else Severity.NOTE,
        )
    ]
