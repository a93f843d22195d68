"""A bundle's sentence encoder as a tier: it is opened when the first call for vectors comes."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from suffice.clock import Clock
from suffice.errors import SufficeError
from suffice.ports import Usage
from suffice.serve.call import Call, Operation
from suffice.serve.errors import BadCall, TierFailed, TooLarge
from suffice.serve.reply import Place, Reply
from suffice.serve.tiers.bundles.embedding_tier import EmbeddingTier
from suffice.serve.tiers.bundles.serving import BundleSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_log = logging.getLogger(__name__)


class EncoderTier:
    """Answers embeddings calls from the encoder in a run folder, as it was when it was first asked.

    A site that nobody asks for vectors spends no memory on them. A bundle that is swapped later changes no
    vectors: those of two encoders cannot be compared, and an index would be spoilt without a word.
    """

    def __init__(self, settings: BundleSettings, *, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._opening = asyncio.Lock()
        self._opened: EmbeddingTier | None = None

    @property
    def name(self) -> str:
        """Returns the name the site gives the bundle."""
        return self._settings.name

    @property
    def place(self) -> Place:
        """Returns LOCAL: the encoder computes in this process."""
        return Place.LOCAL

    async def answer(self, call: Call) -> Reply:
        """Returns one unit vector for each text of the call.

        Raises:
            BadCall: a text is longer than the encoder reads, or other dimensions than it has are asked for.
            TierFailed: it is no call for vectors, the time was up before its turn came, or the run folder is
                not what it was when the gateway was started.
            LimitReached: the queue is full.
        """
        if call.operation is not Operation.EMBEDDING:
            raise TierFailed(f"{self.name} is an encoder, which does not do {call.operation.value}")
        encoder = await self._encoder()
        wanted = call.body.get("dimensions")
        if wanted is not None and wanted != encoder.width:
            raise BadCall(
                f"the vectors of {self.name} have {encoder.width} dimensions, not {wanted}",
                param="dimensions",
            )
        texts = call.body["input"]
        texts = [texts] if isinstance(texts, str) else texts
        try:
            made = await encoder.embed(texts, owner=call.caller.key_id, deadline_s=call.deadline_s)
        except TooLarge as error:
            raise BadCall(error.message, code="context_length_exceeded", param="input") from error
        tokens = sum(made.tokens)
        return Reply(
            tier=self.name,
            place=Place.LOCAL,
            model=f"{self.name}/encoder",
            text="",
            payload={
                "object": "list",
                "data": _data(made.vectors, as_base64=call.body.get("encoding_format") == "base64"),
                "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
            },
            usage=Usage(input_tokens=tokens, output_tokens=0),
            cost_usd=0.0,
        )

    async def stream(self, call: Call) -> Reply:
        """Returns the whole reply: vectors come at once.

        Raises:
            CallError, TierFailed: as `answer`.
        """
        return await self.answer(call)

    async def close(self) -> None:
        """Releases the encoder where it was opened; twice is harmless."""
        async with self._opening:
            if self._opened is not None:
                await self._opened.close()

    async def _encoder(self) -> EmbeddingTier:
        if self._opened is None:
            async with self._opening:
                if self._opened is None:
                    self._opened = await self._open()
        return self._opened

    async def _open(self) -> EmbeddingTier:
        try:
            return await EmbeddingTier.opened(self._settings, clock=self._clock)
        except SufficeError as error:
            # The error names places on this machine, which are no client's business.
            _log.warning("the encoder of %s cannot be opened: %s", self.name, error.message)
            raise TierFailed("its encoder cannot be opened; the gateway's log says why") from error


def _data(vectors: NDArray[np.float32], *, as_base64: bool) -> Sequence[dict[str, Any]]:
    """Returns the vectors as the API has them: lists of numbers, or float32 (little-endian) in base64."""
    return [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(vector.astype("<f4").tobytes()).decode()
            if as_base64
            else vector.tolist(),
        }
        for index, vector in enumerate(vectors)
    ]
