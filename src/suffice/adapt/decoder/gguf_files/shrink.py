"""The method `quantise`: another candidate's weights in fewer bits, a rung of its own."""

import shutil
from dataclasses import asdict
from pathlib import Path

from suffice.adapt.decoder.gguf_files import quantise
from suffice.candidate import Candidate
from suffice.errors import SpecError
from suffice.models import artefact
from suffice.models.artefact import Artefact
from suffice.models.gguf.served import WEIGHTS
from suffice.ports import Progress, TrainingRows

_DEFAULT_TYPE = "Q8_0"


class QuantiseMethod:
    """Makes a gguf candidate of its teacher's weights: the same task, prompt and limits, fewer bits.

    Settings of the candidate: `type` (q8_0, q6_k, q5_k_m, q4_k_m, q4_0). The teacher's own file must
    still be whole: give it the type f16 or f32. Calibration is not taken over: fewer bits answer otherwise.
    """

    def apply(
        self,
        candidate: Candidate,
        rows: TrainingRows,  # noqa: ARG002 - the port's signature
        *,
        out: Path,
        teacher: Path | None,
        seed: int,  # noqa: ARG002 - nothing here is left to chance
        progress: Progress,
    ) -> None:
        """Writes the artefact into `out`.

        Raises:
            SpecError: an unknown type, no teacher, or one that is no decoder.
            ArtefactError: the teacher's file is damaged, or quantised already.
            MissingExtra: the packages of the extras `gguf` and `train` are missing.
        """
        wanted = _type(candidate)
        source = whole_decoder(candidate, teacher)
        progress(f"quantising to {wanted}", 0, 1)
        made = quantise.quantise(source.file(WEIGHTS), out / WEIGHTS, type=wanted)
        copy_others(source, out)
        about = {
            "type": wanted,
            "bits_per_weight": made.bits_per_weight,
            "fallbacks": [asdict(fallback) for fallback in made.fallbacks],
        }
        # What was measured of the whole weights is not taken over: fewer bits answer otherwise.
        anew = {"name": candidate.name, "calibration": None, "order_bias": None, "weights": about}
        artefact.seal(out, kind="gguf", settings={**source.settings, **anew})
        progress(f"quantising to {wanted}", 1, 1)


def _type(candidate: Candidate) -> str:
    given = str(candidate.setting("type", _DEFAULT_TYPE))
    known = {name.lower(): name for name in quantise.TYPES}
    if given.lower() not in known:
        raise SpecError(
            f"candidate {candidate.name!r}: the type {given!r} is unknown; known are {', '.join(known)}"
        )
    return known[given.lower()]


def copy_others(source: Artefact, out: Path) -> None:
    """Copies what a decoder's folder holds besides its weights, e.g. the examples it shows, into `out`."""
    for path in source.folder.iterdir():
        if path.name not in {WEIGHTS, artefact.MANIFEST}:
            shutil.copy2(path, out / path.name)


def whole_decoder(candidate: Candidate, teacher: Path | None) -> Artefact:
    """Returns the candidate's teacher, whose weights are to be had in fewer bits.

    Raises:
        ArtefactError: its folder is damaged.
        SpecError: there is no teacher, or it is no decoder in a GGUF file.
    """
    if teacher is None:
        raise SpecError(f"ladder: {candidate.name!r} needs a 'teacher': the candidate that is quantised")
    found = artefact.unseal(teacher)
    if found.kind != "gguf":
        raise SpecError(
            f"ladder: {candidate.name!r} quantises a decoder (gguf); its teacher is of kind {found.kind!r}"
        )
    return found
