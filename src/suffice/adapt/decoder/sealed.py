"""A trained decoder's last steps: exported to GGUF, quantised, sealed as the folder it is served from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from suffice.adapt.decoder.calibrate import calibrate
from suffice.adapt.decoder.gguf_files import export, quantise
from suffice.candidate import Candidate
from suffice.errors import SpecError
from suffice.models import artefact
from suffice.models.gguf.served import WEIGHTS
from suffice.models.gguf.settings import DecoderSettings
from suffice.models.prompt import Prompt
from suffice.ports import TrainingRows
from suffice.task import Sample

_PLAIN_TYPES = {"f32", "f16", "bf16"}
_DEFAULT_TYPE = "q8_0"


@dataclass(frozen=True, kw_only=True)
class Export:
    """What a decoder's folder says besides its weights; `dev` calibrates it.

    `training` is plain JSON about how it was made.
    """

    candidate: Candidate
    rows: TrainingRows
    dev: Sequence[Sample]
    prompt: Prompt
    context_tokens: int
    max_answer_tokens: int
    training: Mapping[str, Any]


def file_type(candidate: Candidate) -> str:
    """Returns the type of weights the candidate asks for: q8_0 by default.

    Raises:
        SpecError: no such type.
    """
    wanted = str(candidate.setting("type", _DEFAULT_TYPE))
    by_lower = {name.lower(): name for name in (*sorted(_PLAIN_TYPES), *quantise.TYPES)}
    if wanted.lower() not in by_lower:
        known = ", ".join(by_lower)
        raise SpecError(f"candidate {candidate.name!r}: the type {wanted!r} is unknown; known are {known}")
    return by_lower[wanted.lower()]


def write_weights(hf_folder: Path, out: Path, candidate: Candidate, *, workplace: Path) -> dict[str, Any]:
    """Returns what was written: the folder's weights as GGUF of the candidate's type, in `out`.

    The unquantised file lies in `workplace` meanwhile.

    Raises:
        ArtefactError: the folder cannot be exported.
        OutputError: the place cannot be written to.
        SpecError: the candidate asks for an unknown type.
    """
    wanted = file_type(candidate)
    if wanted in _PLAIN_TYPES:
        export.write_gguf(hf_folder, out / WEIGHTS, outtype=wanted)
        return {"type": wanted}
    whole = workplace / "whole.gguf"
    export.write_gguf(hf_folder, whole, outtype="f32")
    made = quantise.quantise(whole, out / WEIGHTS, type=wanted)
    return {
        "type": wanted,
        "bits_per_weight": made.bits_per_weight,
        "fallbacks": [asdict(fallback) for fallback in made.fallbacks],
    }


def seal(hf_folder: Path, out: Path, export_: Export) -> None:
    """Writes the folder's weights as GGUF of the candidate's type into `out`, seals and calibrates it.

    Raises:
        ArtefactError: the folder cannot be exported.
        OutputError: the place cannot be written to.
        SpecError: the candidate asks for an unknown type.
    """
    about = write_weights(hf_folder, out, export_.candidate, workplace=hf_folder)
    rows = export_.rows
    settings = DecoderSettings(
        name=export_.candidate.name,
        kind=rows.kind,
        labels=rows.labels,
        schema=rows.schema,
        prompt=export_.prompt,
        context_tokens=export_.context_tokens,
        max_answer_tokens=export_.max_answer_tokens,
    )
    told = {"weights": about, "training": dict(export_.training)}
    artefact.seal(out, kind="gguf", settings={**settings.to_json(), **told})
    calibrate(out, export_.dev)
