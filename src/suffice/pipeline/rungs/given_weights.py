"""Weights that a task file points to: found from its folder, and known by their bytes."""

from pathlib import Path

from suffice import fingerprint
from suffice.candidate import Candidate
from suffice.errors import SpecError
from suffice.models.gguf import header

_FILE, _FOLDER = "file", "base"


def pinned(candidate: Candidate, base: Path) -> Candidate:
    """Returns a gguf candidate whose `file` or `base` is a whole path, with the sha256 of what lies there.

    So the candidate is another one when the weights are, and what was made of the old ones is not taken
    for it. A `base` that is no folder here stays as it is: it may be a name on a hub.

    Raises:
        ArtefactError: the file is no sound GGUF file.
        SpecError: there is no such file.
    """
    settings = dict(candidate.settings)
    if candidate.kind != "gguf" or not {_FILE, _FOLDER} & set(settings):
        return candidate
    if _FILE in settings:
        path = _from(base, settings[_FILE])
        if not path.is_file():
            raise SpecError(
                f"ladder: {candidate.name!r} has the file {settings[_FILE]!r}, but {path} is no file",
                hint="paths are relative to the task file",
            )
        header.read(path)
        settings |= {_FILE: str(path), "sha256": fingerprint.of_file(path)}
    elif (path := _from(base, settings[_FOLDER])).is_dir():
        settings |= {_FOLDER: str(path), "sha256": fingerprint.of_value(fingerprint.of_folder(path))}
    return Candidate(
        name=candidate.name,
        kind=candidate.kind,
        method=candidate.method,
        teacher=candidate.teacher,
        settings=tuple(sorted(settings.items())),
    )


def _from(base: Path, written: object) -> Path:
    return (base / Path(str(written)).expanduser()).absolute()
