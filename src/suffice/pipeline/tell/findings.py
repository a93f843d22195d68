"""Everything a run found, before it is put into words: what the certificate and the report are made of."""

from dataclasses import dataclass

from suffice.cascade import Cascade
from suffice.certify.search_result import Tested
from suffice.measure.price_book import Machine
from suffice.measurement import Environment
from suffice.pipeline.choose import Choice
from suffice.pipeline.prove import Proof
from suffice.pipeline.rows import Rows
from suffice.pipeline.rungs.judging import Judging
from suffice.pipeline.rungs.reference import Reference
from suffice.pipeline.rungs.rung import Grading, Rung
from suffice.readers.spec import Spec
from suffice.task import Task


@dataclass(frozen=True, kw_only=True)
class Findings:
    """One run's results. `proof` is None where no system kept the resource bars."""

    task: Task
    spec: Spec
    rows: Rows
    rungs: tuple[Rung, ...]
    reference: Reference | None
    choice: Choice
    proof: Proof | None
    grading: Grading
    machine: Machine
    environment: Environment
    seed: int
    notes: tuple[str, ...]
    command: str
    now: str
    judging: Judging | None = None

    @property
    def sole_judge(self) -> str:
        """Returns the name of the judge whose word alone quality is; "" where there is a truth."""
        return self.judging.name if self.judging is not None and self.judging.is_alone else ""

    @property
    def chosen(self) -> Tested | None:
        """Returns the certified system of least cost, or None."""
        if self.proof is None or self.proof.result.chosen is None:
            return None
        return self.proof.result.tests[self.proof.result.chosen]

    def rung(self, name: str) -> Rung:
        """Returns the rung of a name."""
        return next(rung for rung in self.rungs if rung.name == name)

    def is_paid(self, cascade: Cascade) -> bool:
        """Says whether a tier's answers, or a judge's verdicts on them, are paid for by the call."""
        if self._asks_judge:
            return True
        return any(self.rung(name).candidate.kind == "openai" for name in cascade.local_models)

    @property
    def _asks_judge(self) -> bool:
        """Says whether looking at more certify rows would ask a judge about them."""
        if self.judging is None or self.proof is None:
            return False
        return self.judging.is_alone or self.proof.rows.fresh > 0
