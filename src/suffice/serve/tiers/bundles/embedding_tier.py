"""Vectors for texts, by the sentence encoder that lies in a bundle."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from suffice.bundle import encoder_folder
from suffice.clock import Clock
from suffice.errors import ArtefactError
from suffice.serve.errors import TooLarge
from suffice.serve.tiers.bundles.batching import Batcher, Load
from suffice.serve.tiers.bundles.private_copy import PrivateCopy
from suffice.serve.tiers.bundles.serving import BundleSettings, checked
from suffice.serve.tiers.bundles.work_thread import WorkThread

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from suffice.models.embedder import Embedder

# Texts of one call that are one item of a batch: a call of 2,000 inputs goes through the queue in 500 parts.
_PART_TEXTS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Vectors:
    """n unit vectors: `vectors` (n, width) float32; `tokens` n counts, with the two special tokens."""

    vectors: NDArray[np.float32]
    tokens: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Vector:
    """One text's vector; `not_whole` says, with both numbers, that a part of it could not be read."""

    vector: NDArray[np.float32]
    tokens: int
    not_whole: str | None


class EmbeddingTier:
    """Answers `/v1/embeddings` on this machine, in micro-batches.

    The encoder is one of the bundle's checked files; its vectors are not what the certificate speaks of,
    which are the answers made of them. A text longer than the encoder reads is an error, never cut.
    """

    def __init__(
        self, name: str, copy: PrivateCopy, thread: WorkThread, embedder: Embedder, batcher: _Batcher
    ) -> None:
        self.name = name
        self.width = embedder.width
        self._copy = copy
        self._thread = thread
        self._batcher = batcher

    @classmethod
    async def opened(cls, settings: BundleSettings, *, clock: Clock | None = None) -> EmbeddingTier:
        """Returns the tier over a run folder's encoder.

        Raises:
            NotCertified, ArtefactError, OutputError: as `open_serving`; also where there is no encoder.
        """
        _, copy = await asyncio.to_thread(checked, settings)
        thread = WorkThread(f"{settings.name} embedder")
        try:
            embedder = await thread.do(lambda: _opened(copy.bundle, settings.folder))
        except BaseException:
            await thread.close()
            copy.remove()
            raise

        async def work(parts: Sequence[Sequence[str]]) -> list[list[_Vector]]:
            return await thread.do(lambda: _embedded(embedder, parts))

        batcher = Batcher(work, settings.batching, name=settings.name, clock=clock)
        return cls(settings.name, copy, thread, embedder, batcher)

    @property
    def load(self) -> Load:
        """Returns how many texts wait, and what was done since it was opened."""
        return self._batcher.load

    async def embed(self, texts: Sequence[str], *, owner: str = "", deadline_s: float = math.inf) -> Vectors:
        """Returns one unit vector per text, in order; a few at a time, so that others get their turn.

        Raises:
            TooLarge: a text is longer than the encoder reads; names both numbers.
            LimitReached: the queue is full.
            TierFailed: the time was up before its turn came.
        """
        import numpy as np  # noqa: PLC0415 - loaded with the encoder; the gateway's import stays light

        found: list[_Vector] = []
        for start in range(0, len(texts), _PART_TEXTS):
            part = texts[start : start + _PART_TEXTS]
            found += await self._batcher.ask(part, owner=owner, deadline_s=deadline_s)
            for number in range(start, len(found)):
                if found[number].not_whole is not None:
                    raise TooLarge(
                        f"input {number} is too long for {self.name}: it could only have "
                        f"{found[number].not_whole}",
                        param="input",
                    )
        vectors = [one.vector for one in found]
        return Vectors(
            vectors=np.stack(vectors) if vectors else np.empty((0, self.width), np.float32),
            tokens=tuple(one.tokens for one in found),
        )

    async def close(self) -> None:
        """Releases what it holds, after what it is computing; twice is harmless."""
        await self._batcher.drain()
        await self._thread.close()
        await asyncio.to_thread(self._copy.remove)


_Batcher = Batcher[Sequence[str], list[_Vector]]


async def _opened(bundle: Path, run: Path) -> Embedder:
    from suffice.models.embedder import Embedder  # noqa: PLC0415 - numpy and more

    folder = encoder_folder(bundle)
    if folder is None:
        raise ArtefactError(
            f"no rung of {run} has a sentence encoder", hint="embeddings need a bundle with an encoder rung"
        )
    return Embedder(folder)


async def _embedded(embedder: Embedder, parts: Sequence[Sequence[str]]) -> list[list[_Vector]]:
    from suffice.models.embedder import not_whole  # noqa: PLC0415 - as above

    made = embedder.embed([text for part in parts for text in part])
    vectors = (
        _Vector(vector=vector, tokens=int(tokens), not_whole=not_whole(notes))
        for vector, tokens, notes in zip(made.vectors, made.tokens_read, made.notes, strict=True)
    )
    return [list(itertools.islice(vectors, len(part))) for part in parts]
