"""A decoder served by transformers, in the process that answers: 8-bit integers, or plain floats."""

from __future__ import annotations

from pathlib import Path

from suffice.models import artefact
from suffice.models.gguf import opening
from suffice.models.gguf.model import GgufModel, answering
from suffice.models.gguf.settings import DecoderSettings
from suffice.models.transformers.engine import TransformersEngine


class TransformersModel:
    """Opens the artefacts of the kind `transformers`: settings as a GGUF decoder's, weights as a folder's."""

    @staticmethod
    def load(folder: Path, *, threads: int = 1) -> GgufModel:
        """Returns the model in a folder.

        Raises:
            ArtefactError: the folder is damaged.
            MissingExtra: the packages of the extra `train` are missing.
            SpecError: it extracts, and its tokenizer was not made for the task's answers.
        """
        settings = DecoderSettings.from_json(artefact.unseal(folder).settings)
        engine = TransformersEngine(folder, threads=threads, context_tokens=settings.context_tokens)
        return answering(opening.served(settings, engine, folder, threads=threads))
