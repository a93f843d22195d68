"""The step that reads the data once: rows, splits, and what was found in them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice import fingerprint
from suffice.pipeline.rows import Rows, write_rows
from suffice.pipeline.step import Step
from suffice.ports import Progress
from suffice.readers import hub
from suffice.readers.findings import Finding
from suffice.readers.load import Loaded, load
from suffice.readers.spec import Spec
from suffice.readers.task_file import spec_of
from suffice.readers.text_lines import open_bytes
from suffice.task import Split


@dataclass(frozen=True, kw_only=True)
class PrepareRows:
    """Reads the task's data. What the task file says of the rows, and every byte of them, is its identity.

    How strict the bars are is no part of it: moving a margin makes nothing anew.
    """

    spec: str  # the task file's keys that touch the rows, as canonical JSON
    base: str
    files: tuple[tuple[str, str], ...]  # path as written -> sha256 of its bytes
    offline: bool

    @property
    def title(self) -> str:
        """Returns what is being done."""
        return "read the data"

    @property
    def inputs(self) -> tuple[Step, ...]:
        """Returns nothing: the data are the beginning."""
        return ()

    def make(self, out: Path, inputs: Sequence[Path], *, progress: Progress) -> None:  # noqa: ARG002 - the port
        """Writes the three splits and the findings."""
        spec = spec_of(json.loads(self.spec), base=Path(self.base))
        write_rows(out, rows_of(load(spec, offline=self.offline)))


def prepare_step(spec: Spec, *, offline: bool) -> PrepareRows:
    """Returns the step for a task file; its data files are hashed, so that changed data are read again.

    Raises:
        DataError: a file cannot be read.
    """
    written = [name for _, names in spec.data if isinstance(names, tuple) for name in names]
    return PrepareRows(
        spec=json.dumps(_about_rows(spec), sort_keys=True),
        base=str(spec.base.resolve()),
        files=tuple(_hashed(spec, name) for name in written),
        offline=offline,
    )


def _about_rows(spec: Spec) -> dict[str, Any]:
    """Returns the task file with everything set to one value that does not touch the rows."""
    keys = spec.model_dump(mode="json")
    quality = keys["bars"]["quality"]
    for threshold in ("at_least", "margin", "at_most"):
        if quality[threshold] is not None:
            quality[threshold] = 0.5
    keys["bars"] = {"quality": quality}
    keys["judge"] = _judge_about_rows(keys["judge"])
    keys.update(name="rows", alpha=0.05, minimise="cost", test="sequential")
    return keys


def _judge_about_rows(judge: dict[str, Any] | None) -> dict[str, Any] | None:
    """Returns what a judge has to do with the rows: its fields; another rubric makes nothing anew."""
    if judge is None or judge["answers"] is not None:
        return judge
    fields = {"mode": judge["mode"], "human": judge["human"]}
    recorded = {"verdicts": judge["verdicts"], "name": "judge"}
    return fields | (recorded if judge["verdicts"] is not None else {"artefact": "judge"})


def rows_of(loaded: Loaded) -> Rows:
    """Returns what later steps need of loaded data."""
    profile = loaded.profile
    return Rows(
        splits={split: loaded.splits.of(split) for split in Split},
        labels=loaded.task.labels,
        targets_are_reference=loaded.targets_are_reference,
        total=profile.rows,
        labelled_share=profile.labelled / profile.samples if profile.samples else 0.0,
        imbalance=profile.imbalance,
        findings=tuple(_in_words(loaded.findings, loaded.spec.base)),
        fingerprints={split.value: loaded.splits.fingerprint(split) for split in Split},
        kind=loaded.task.kind,
        schema=loaded.task.schema,
        instruction=loaded.task.instruction,
    )


def _hashed(spec: Spec, name: str) -> tuple[str, str]:
    if name.startswith(hub.PREFIX):
        return name, ""  # a hub's data set is named by its revision, not by its bytes here
    with open_bytes(spec.path(name)):
        return name, fingerprint.of_file(spec.path(name))


def _in_words(findings: Iterable[Finding], base: Path) -> Iterable[str]:
    for finding in findings:
        # Reports are shown to others: where the task file lies is nobody's business.
        shown = ", ".join(finding.examples).replace(f"{base}/", "")
        examples = f" ({shown})" if shown else ""
        yield f"{finding.severity.value}: {finding.what}: {finding.count:,}, {finding.detail}{examples}"
