"""A model behind a gate: its answers, each with how far to trust it, learnt from what escalating gained."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from suffice.errors import ArtefactError
from suffice.models import artefact, registry
from suffice.models.embedder import Embedder
from suffice.models.gain.files import load_gain, save_gain
from suffice.models.gain.score import GainModel
from suffice.models.gain.views import Embed, Exchanges
from suffice.ports import Answer, Model, Request

KIND = "gated"
_INNER, _SCORE, _ENCODER = "inner", "gain", "encoder"


class GatedModel:
    """Answers as the inner model does; `Answer.trust` is (1 - gain) / 2, gain being that of escalating.

    The gain is P(reference right) - P(inner model right), so trust is 1/2 where both are as likely
    to be right. Latency is the inner model's: the gate takes some milliseconds more.
    """

    def __init__(self, inner: Model, gain: GainModel, *, name: str) -> None:
        self._inner = inner
        self._gain = gain
        self._name = name

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Returns the model in a folder.

        Raises:
            ArtefactError: a file is missing, damaged or changed.
        """
        artefact.unseal(folder)
        return cls.over(registry.load(folder / _INNER), folder)

    @classmethod
    def over(cls, inner: Model, folder: Path) -> Self:
        """Returns the gate in a folder over an inner model that is open already.

        Raises:
            ArtefactError: a file is missing, damaged or changed.
        """
        settings = artefact.unseal(folder).settings
        try:
            name = str(settings["name"])
        except (KeyError, TypeError) as error:
            raise ArtefactError(f"{folder}: the gate's settings are damaged: {error!r}") from error
        embed = embedder(folder / _ENCODER) if (folder / _ENCODER).is_dir() else None
        return cls(inner, load_gain(folder / _SCORE, embed=embed), name=name)

    @property
    def name(self) -> str:
        """Returns the name under which it is measured and served."""
        return self._name

    @property
    def simulated(self) -> bool:
        """Says whether the inner model's answers are made up."""
        return self._inner.simulated

    @property
    def inner(self) -> Model:
        """Returns the model behind the gate."""
        return self._inner

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns the inner model's answers, each with its trust."""
        if not requests:
            return []
        answers = await self._inner.answer(requests)
        gains = self._gain.score(exchanges_of([request.text for request in requests], answers, self._gain))
        trusts = (1.0 - np.clip(gains, -1.0, 1.0)) / 2.0
        # Rounded, so that a threshold does not hang on how rows were batched.
        return [replace(answer, trust=round(float(t), 6)) for answer, t in zip(answers, trusts, strict=True)]

    async def close(self) -> None:
        """Closes the inner model."""
        await self._inner.close()


def exchanges_of(
    prompts: Sequence[str], answers: Sequence[Answer], gain: GainModel | None = None
) -> Exchanges:
    """Returns prompts and answers as the score reads them; an answer that is missing is an empty text.

    Confidence and novelty are part of it where every answer has them, or where `gain` was fitted with
    them: an answer without is then not trusted.
    """

    def column(name: str) -> NDArray[np.float64] | None:
        values = [getattr(answer, name) for answer in answers]
        known = bool(values) and all(value is not None for value in values)
        wanted = known if gain is None else name in gain.parts
        least = 0.0 if name == "confidence" else 1.0
        return np.array([least if v is None else v for v in values], dtype=np.float64) if wanted else None

    return Exchanges(
        prompts=prompts,
        answers=[answer.text or "" for answer in answers],
        confidence=column("confidence"),
        novelty=column("novelty"),
    )


def embedder(folder: Path) -> Embed:
    """Returns texts to unit vectors (n, d) by the encoder in a folder; equal texts are read once."""
    encoder = Embedder(folder)

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        distinct = list(dict.fromkeys(texts))
        place = {text: row for row, text in enumerate(distinct)}
        return encoder.embed(distinct).vectors[[place[text] for text in texts]]

    return embed


def seal(inner: Path, gain: GainModel, *, out: Path, name: str, encoder: Path | None) -> artefact.Artefact:
    """Returns the artefact of a gate over the model in `inner`, copied into the empty folder `out`.

    `encoder` is the folder of the encoder that the score was fitted with, copied too.

    Raises:
        ArtefactError: the inner folder is damaged.
    """
    artefact.unseal(inner)
    shutil.copytree(inner, out / _INNER)
    (out / _SCORE).mkdir()
    save_gain(gain, out / _SCORE)
    if encoder is not None and gain.learners is not None:
        shutil.copytree(encoder, out / _ENCODER)
    return artefact.seal(out, kind=KIND, settings={"name": name, "order": gain.order, "rows": gain.rows})
