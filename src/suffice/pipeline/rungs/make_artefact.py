"""The step that makes a candidate's artefact: what the folder holds is what is measured and served."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from suffice.adapt import registry
from suffice.candidate import Candidate, Ladder
from suffice.models import artefact
from suffice.pipeline.prepare import PrepareRows
from suffice.pipeline.rows import read_rows
from suffice.pipeline.step import Step
from suffice.ports import Progress


@dataclass(frozen=True, kw_only=True)
class MakeArtefact:
    """Applies a candidate's method to the train and dev rows, after making its teacher."""

    candidate: Candidate
    rows: PrepareRows
    teacher: "MakeArtefact | None"
    seed: int

    @property
    def title(self) -> str:
        """Returns what is being done."""
        return f"make {self.candidate.name}"

    @property
    def inputs(self) -> tuple[Step, ...]:
        """Returns the rows, and the teacher where there is one."""
        return (self.rows,) if self.teacher is None else (self.rows, self.teacher)

    def make(self, out: Path, inputs: Sequence[Path], *, progress: Progress) -> None:
        """Writes the artefact, and makes sure that it can be opened."""
        rows = read_rows(inputs[0]).training()
        registry.method(self.candidate.method).apply(
            self.candidate,
            rows,
            out=out,
            teacher=inputs[1] if len(inputs) > 1 else None,
            seed=self.seed,
            progress=progress,
        )
        artefact.unseal(out)


def artefact_steps(ladder: Ladder, rows: PrepareRows, *, seed: int) -> dict[str, MakeArtefact]:
    """Returns the step of each candidate that has a method, by name; teachers are shared."""
    by_name = {candidate.name: candidate for candidate in ladder.candidates}
    made: dict[str, MakeArtefact] = {}

    def step(name: str) -> MakeArtefact:
        if name not in made:
            candidate = by_name[name]
            teacher = None if candidate.teacher is None else step(candidate.teacher)
            made[name] = MakeArtefact(candidate=candidate, rows=rows, teacher=teacher, seed=seed)
        return made[name]

    return {c.name: step(c.name) for c in ladder.candidates if c.method != "given"}
