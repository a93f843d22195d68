"""A step of the plan: a frozen value that says what is to be made, and how to make it from its inputs.

Equal steps are one step: what a step makes is kept under the fingerprint of the step, so it is made
once, however often it is asked for and however often the run is killed. A step reads and writes
folders only, never shared memory, so any executor may run it anywhere.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from threadpoolctl import threadpool_limits

import suffice
from suffice import fingerprint
from suffice.ports import Progress, Store


class Step(Protocol):
    """A frozen dataclass. Its fields, with those of its inputs, are its identity."""

    @property
    def title(self) -> str:
        """Returns what is being done, for the progress display."""
        ...

    @property
    def inputs(self) -> tuple["Step", ...]:
        """Returns the steps whose folders this one reads."""
        ...

    def make(self, out: Path, inputs: Sequence[Path], *, progress: Progress) -> None:
        """Writes the step's result into the empty folder `out`."""
        ...


def fingerprint_of(step: Step) -> str:
    """Returns the sha256 of the step, its inputs and the version of suffice that makes it."""
    return fingerprint.of_value((suffice.__version__, step))


class Executor(Protocol):
    """Runs steps: local processes now, a cluster when one machine is not enough."""

    def folder_of(self, step: Step) -> Path:
        """Returns the folder of a step's result, made now if it was not made before."""
        ...


class LocalExecutor:
    """Runs steps one after the other in this process; finished ones are taken from the store."""

    def __init__(self, store: Store, *, progress: Progress) -> None:
        self._store = store
        self._progress = progress

    def folder_of(self, step: Step) -> Path:
        """Returns the folder of a step's result, made now if it was not made before."""
        name = fingerprint_of(step)
        if (done := self._store.artefact(name)) is not None:
            return done
        inputs = [self.folder_of(needed) for needed in step.inputs]
        out = self._store.workplace(name)
        self._progress(step.title, 0.0, 1.0)
        # One thread for linear algebra: sums then come out the same on any number of cores, and on
        # problems of this size threads cost more than they save.
        with threadpool_limits(limits=1, user_api="blas"):
            step.make(out, inputs, progress=self._progress)
        self._progress(step.title, 1.0, 1.0)
        return self._store.keep_artefact(name, out)
