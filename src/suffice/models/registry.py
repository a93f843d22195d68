"""Which class serves which kind of model; the class is imported when a model of its kind is loaded."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suffice.errors import ArtefactError
from suffice.models import artefact
from suffice.ports import Model

if TYPE_CHECKING:  # imported when there is a server to ask: the HTTP client takes time and memory
    from suffice.models.remembered import Calls

# A new rung is one file and one line here. Each class has `load(folder)`.
KINDS: dict[str, str] = {
    "agreement": "suffice.models.agreement:AgreementModel",
    "alarm": "suffice.models.alarm:AlarmModel",
    "cascade": "suffice.models.cascade:CascadeModel",
    "encoder": "suffice.models.encoder:EncoderModel",
    "fake": "suffice.models.fake:FakeModel",
    "gated": "suffice.models.gain.gate:GatedModel",
    "gguf": "suffice.models.gguf.model:GgufModel",
    "linear": "suffice.models.linear:LinearModel",
    "openai": "suffice.models.http.openai:OpenAIModel",
    "recorded": "suffice.models.recorded:RecordedModel",
    "tagger": "suffice.models.tagger.model:TaggerModel",
    "transformers": "suffice.models.transformers.model:TransformersModel",
}

# Kinds whose parts may be models behind servers.
_NESTED = {"agreement", "cascade"}
# Kinds that can compute on several threads, to the same answers.
_THREADED = {"encoder", "gguf", "tagger", "transformers"}


def load(folder: Path, *, threads: int = 1, calls: Calls | None = None) -> Model:
    """Returns the model in a folder, after checking its files against their hashes.

    `threads` is what kinds that compute on several threads may use; the others need one.
    With `calls` models behind servers spend from its account and keep their answers in its store;
    without it one that costs money refuses to answer.

    Raises:
        ArtefactError: the folder holds no intact model, or one of an unknown kind.
    """
    kind = artefact.unseal(folder).kind
    if kind not in KINDS:
        raise ArtefactError(
            f"{folder} holds a model of the unknown kind {kind!r}; known are {', '.join(sorted(KINDS))}",
            hint="a newer version of suffice may have made it",
        )
    if kind == "openai" and calls is not None:
        return calls.open(folder)
    options: dict[str, Any] = {}
    if kind in _THREADED:
        options["threads"] = threads
    if kind in _NESTED:
        options["calls"] = calls
    module, name = KINDS[kind].split(":")
    model: Model = getattr(importlib.import_module(module), name).load(folder, **options)
    return model
