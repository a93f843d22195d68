"""A decoder's folder, opened: its weights, its prompt, and the examples it may show."""

from __future__ import annotations

from pathlib import Path

from suffice.errors import ArtefactError
from suffice.models import artefact
from suffice.models.engine import DecoderEngine
from suffice.models.gguf.chats import ChatServed, reads_chats
from suffice.models.gguf.engine import LlamaEngine
from suffice.models.gguf.nearest import NearestServed, Showing
from suffice.models.gguf.served import WEIGHTS, Served
from suffice.models.gguf.settings import DecoderSettings


def load(folder: Path, *, threads: int) -> Served:
    """Returns the decoder in an artefact's folder.

    Raises:
        ArtefactError: the folder is damaged, or llama.cpp cannot serve its weights.
        MissingExtra: the extra `gguf` is not installed.
    """
    opened = artefact.unseal(folder)
    settings = DecoderSettings.from_json(opened.settings)
    path = opened.file(WEIGHTS)
    if not path.is_file():
        raise ArtefactError(f"{folder} holds no {WEIGHTS}")
    engine = LlamaEngine(path, threads=threads, context_tokens=settings.context_tokens)
    return served(settings, engine, folder, threads=threads)


def served(settings: DecoderSettings, engine: DecoderEngine, folder: Path, *, threads: int) -> Served:
    """Returns a folder's decoder over an engine, which is closed where it cannot be served.

    Raises:
        ArtefactError: the prompt does not fit the context, or the examples to be shown are damaged.
    """
    try:
        if settings.nearest:
            return NearestServed(settings, engine, Showing.load(folder, threads=threads))
        return ChatServed(settings, engine) if reads_chats(settings) else Served(settings, engine)
    except BaseException:
        engine.close()
        raise
