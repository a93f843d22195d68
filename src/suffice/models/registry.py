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
    "openai": "suffice.models.openai:OpenAIModel",
    "recorded": "suffice.models.recorded:RecordedModel",
}


def load(folder: Path) -> Model:
    """Returns the model in a folder, after checking its files against their hashes.

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
    model: Model = getattr(importlib.import_module(module), name).load(folder)
    return model
