"""The bytes of what must be shipped to serve a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from suffice.measurement import Measurement, not_measured
from suffice.models import artefact
from suffice.ports import Model, Request


@dataclass(frozen=True, kw_only=True)
class SizeMeter:
    """Counts the bytes of the artefacts a model is served from; none for a remote or recorded model."""

    folders: Sequence[Path]

    async def measure(self, model: Model, requests: Sequence[Request]) -> list[Measurement]:  # noqa: ARG002
        """Returns `bytes`: exact, hence n = 1 and no interval.

        Raises:
            ArtefactError: a folder holds no intact artefact.
        """
        if not self.folders:
            return [not_measured("bytes", "bytes", why="nothing of it lies on this machine")]
        total = sum(artefact.unseal(folder).bytes_total for folder in self.folders)
        return [Measurement(quantity="bytes", value=float(total), unit="bytes", n=1)]
