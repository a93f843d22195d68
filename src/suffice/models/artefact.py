"""The folder a model is served from: `model.json` names its kind, its settings and the hash of each file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice import files, fingerprint
from suffice.errors import ArtefactError

MANIFEST = "model.json"
_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """A folder whose files matched their hashes when it was opened."""

    folder: Path
    kind: str
    settings: Mapping[str, Any]

    def file(self, name: str) -> Path:
        """Returns the path of one of the artefact's files."""
        return self.folder / name

    @property
    def bytes_total(self) -> int:
        """Returns the bytes of all files together: what must be shipped to serve the model."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def seal(folder: Path, *, kind: str, settings: Mapping[str, Any]) -> Artefact:
    """Writes `model.json` for the files that lie in the folder, and returns the artefact.

    `settings` must be JSON; the model reads from it everything that is not a tensor.
    """
    hashes = {name: sha for name, sha in fingerprint.of_folder(folder).items() if name != MANIFEST}
    manifest = {"format": _FORMAT, "kind": kind, "settings": dict(settings), "files": hashes}
    files.write_json(folder / MANIFEST, manifest)
    return Artefact(folder=folder, kind=kind, settings=dict(settings))


def unseal(folder: Path) -> Artefact:
    """Returns the artefact in a folder after checking every file against its hash.

    Raises:
        ArtefactError: no manifest, an unknown format, a file that is missing, new or changed.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version, kind = manifest["format"], manifest["kind"]
        settings, expected = manifest["settings"], manifest["files"]
    except FileNotFoundError as error:
        raise ArtefactError(f"{folder} holds no {MANIFEST}: it is no model's folder") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{path} is damaged: {error!r}") from error
    if version != _FORMAT:
        raise ArtefactError(f"{path} has format {version!r}; this version of suffice reads {_FORMAT}")
    found = {name: sha for name, sha in fingerprint.of_folder(folder).items() if name != MANIFEST}
    if found != expected:
        names = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
        raise ArtefactError(
            f"{folder}: {names[0]} does not match the hash in {MANIFEST}",
            hint="the file is missing, new or changed: make the model again, or restore it",
        )
    return Artefact(folder=folder, kind=kind, settings=settings)
