"""Which class serves which kind of model; the class is imported when a model of its kind is loaded."""

import importlib
from pathlib import Path

from suffice.errors import ArtefactError
from suffice.models import artefact
from suffice.ports import Model

# A new rung is one file and one line here. Each class has `load(folder)`.
KINDS: dict[str, str] = {
    "alarm": "suffice.models.alarm:AlarmModel",
    "cascade": "suffice.models.cascade:CascadeModel",
    "encoder": "suffice.models.encoder:EncoderModel",
    "fake": "suffice.models.fake:FakeModel",
    "linear": "suffice.models.linear:LinearModel",
    "openai": "suffice.models.http.openai:OpenAIModel",
    "recorded": "suffice.models.recorded:RecordedModel",
}


# Kinds that can compute on several threads, to the same answers.
_THREADED = {"encoder"}


def load(folder: Path, *, threads: int = 1) -> Model:
    """Returns the model in a folder, after checking its files against their hashes.

    `threads` is what kinds that compute on several threads may use; the others need one.

    Raises:
        ArtefactError: the folder holds no intact model, or one of an unknown kind.
    """
    kind = artefact.unseal(folder).kind
    if kind not in KINDS:
        raise ArtefactError(
            f"{folder} holds a model of the unknown kind {kind!r}; known are {', '.join(sorted(KINDS))}",
            hint="a newer version of suffice may have made it",
        )
    module, name = KINDS[kind].split(":")
    found = getattr(importlib.import_module(module), name)
    model: Model = found.load(folder, threads=threads) if kind in _THREADED else found.load(folder)
    return model
