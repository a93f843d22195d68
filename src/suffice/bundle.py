"""What is served: the chosen system's files in one folder, with what is needed to read inputs for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suffice import files, fingerprint
from suffice.cascade import Cascade, Tier
from suffice.errors import ArtefactError, OutputError
from suffice.models import artefact, registry
from suffice.models import cascade as cascades
from suffice.ports import Model, Request
from suffice.readers.samples import key_of
from suffice.readers.spec import Spec
from suffice.readers.task_file import spec_of

if TYPE_CHECKING:  # the HTTP client takes time and memory
    from suffice.models.remembered import Calls

_TASK = "task.json"
_INPUTS = "inputs.json"
_MODEL = "model"
_SERVER_KIND = "openai"  # of `models.registry.KINDS`
_ENCODER = "encoder.onnx"  # as `models.embedder` names it, which takes numpy to import


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """An opened bundle: the system as a model, and the task file's keys."""

    model: Model
    spec: Spec


def write_bundle(
    place: Path, cascade: Cascade, folders: Mapping[str, Path], *, spec: Spec, rule: str, reads_chats: bool
) -> None:
    """Writes the bundle anew: made beside its place first, then moved there whole.

    `folders` holds the artefact of every local model of the cascade, by its name there. `reads_chats`:
    the task's rows are chats with their turns, not texts alone.

    Raises:
        OutputError: the place cannot be written to.
    """
    making = place.with_name(f".{place.name}.new")
    with files.writable(place):
        shutil.rmtree(making, ignore_errors=True)
        (making / _MODEL).mkdir(parents=True)
        cascades.seal(cascade, folders, out=making / _MODEL, rule=rule)
        files.write_json(making / _TASK, spec.model_dump(mode="json"))
        files.write_json(making / _INPUTS, {"chats": reads_chats})
        remove_bundle(place)
        making.rename(place)


def remove_bundle(place: Path) -> None:
    """Removes an earlier bundle; another folder of that name is left alone.

    Raises:
        OutputError: something else lies there, or it cannot be removed.
    """
    if not place.exists():
        return
    if not (place / _TASK).is_file() or not (place / _MODEL).is_dir():
        raise OutputError(
            f"{place} is in the way, and no bundle of suffice", hint="move it away, or give another --out"
        )
    with files.writable(place):
        shutil.rmtree(place)


def open_bundle(place: Path, *, calls: Calls | None = None) -> Bundle:
    """Returns the bundle in a folder, every file checked against its hash.

    `calls` says how tiers behind servers are asked; without it one that costs money refuses.

    Raises:
        ArtefactError: there is no bundle, or it is damaged.
    """
    return Bundle(spec=task_of(place), model=registry.load(place / _MODEL, calls=calls))


def task_of(place: Path) -> Spec:
    """Returns the task file's keys as a bundle keeps them.

    Raises:
        ArtefactError: there is no bundle, or it is damaged.
    """
    try:
        value: dict[str, Any] = json.loads(_task(place))
    except ValueError as error:
        raise ArtefactError(f"{place / _TASK} is damaged: {error}") from error
    return spec_of(value, base=place, file=str(place / _TASK))


def identity(place: Path) -> str:
    """Returns a sha256 that differs for another bundle: of the task's keys and every served file's hash.

    What the files hold is not checked: that is `open_bundle`'s.

    Raises:
        ArtefactError: there is no bundle.
    """
    manifest = place / _MODEL / artefact.MANIFEST
    served = manifest.read_bytes() if manifest.is_file() else b""
    return fingerprint.of_bytes(_task(place) + b"\0" + served)


def _task(place: Path) -> bytes:
    try:
        return (place / _TASK).read_bytes()
    except FileNotFoundError as error:
        raise ArtefactError(
            f"{place.parent} holds no {place.name}/",
            hint="give the folder of a run that ended with exit code 0: only then there is a model to ask",
        ) from error
    except OSError as error:
        raise ArtefactError(f"{place / _TASK} is damaged: {error}") from error


def cascade_of(place: Path) -> Cascade:
    """Returns the cascade that a bundle serves: its rungs' names and thresholds.

    Raises:
        ArtefactError: there is no bundle, or its manifest is damaged.
    """
    manifest = place / _MODEL / artefact.MANIFEST
    try:
        settings = json.loads(manifest.read_bytes())["settings"]
        tiers = tuple(Tier(model=tier["model"], threshold=tier["threshold"]) for tier in settings["tiers"])
        return Cascade(name=settings["name"], tiers=tiers)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{manifest} is damaged: {error!r}") from error


def servers(place: Path) -> tuple[str, ...]:
    """Returns the addresses of the servers that a bundle's models ask; () where all compute here.

    Raises:
        ArtefactError: a model's manifest is damaged.
    """
    found = set()
    for manifest in sorted((place / _MODEL).rglob(artefact.MANIFEST)):
        try:
            said = json.loads(manifest.read_bytes())
            if said["kind"] == _SERVER_KIND:
                found.add(str(said["settings"]["endpoint"]["base_url"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtefactError(f"{manifest} is damaged: {error!r}") from error
    return tuple(sorted(found))


def labels_of(place: Path) -> tuple[str, ...]:
    """Returns the labels a bundle's classifiers choose from, in the first one's order; () where none says.

    Raises:
        ArtefactError: a model's manifest is damaged.
    """
    for manifest in sorted((place / _MODEL).rglob(artefact.MANIFEST)):
        try:
            settings = json.loads(manifest.read_bytes())["settings"]
            labels = settings.get("labels") or settings.get("task", {}).get("labels")
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise ArtefactError(f"{manifest} is damaged: {error!r}") from error
        if labels:
            return tuple(map(str, labels))
    return ()


def schema_of(place: Path) -> Mapping[str, Any]:
    """Returns the JSON Schema of a bundle's answers as its first model that keeps one has it; {} for none.

    Raises:
        ArtefactError: a model's manifest is damaged.
    """
    for manifest in sorted((place / _MODEL).rglob(artefact.MANIFEST)):
        try:
            schema = json.loads(manifest.read_bytes())["settings"].get("task", {}).get("schema")
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise ArtefactError(f"{manifest} is damaged: {error!r}") from error
        if isinstance(schema, dict):
            return schema
    return {}


def encoder_folder(place: Path) -> Path | None:
    """Returns the folder of a bundle's first sentence encoder (`models.embedder`); None without one."""
    return min((file.parent for file in (place / _MODEL).rglob(_ENCODER)), default=None)


def reads_chats(place: Path) -> bool:
    """Says whether a bundle's rows were chats with their turns, rather than texts alone.

    A bundle that does not say so is an early one: its task tells, since chat formats name no input.

    Raises:
        ArtefactError: the bundle is damaged.
    """
    try:
        return bool(json.loads((place / _INPUTS).read_bytes())["chats"])
    except FileNotFoundError:
        return task_of(place).input is None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{place / _INPUTS} is damaged: {error!r}") from error


def as_read(request: Request, *, chats: bool) -> Request:
    """Returns a request as the task's rows are read: no NUL, half characters replaced, with its content key.

    Where the rows were texts alone, a chat's turns are left out: models that read them were measured
    without. Remembered and recorded rungs know a request by its key: without one, all would be the same.
    """
    if request.messages and not chats:
        request = replace(request, messages=(), key="")
    text = request.text
    if "\0" in text:
        text = text.replace("\0", "")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if text is request.text and request.key:
        return request
    return replace(request, text=text, key=key_of(text, request.messages))


def model_folder(place: Path) -> Path:
    """Returns the folder of the served model within a bundle: what the meters of memory load."""
    return place / _MODEL
