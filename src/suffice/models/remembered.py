"""A model whose answers are kept in the store: nothing is computed, or paid for, twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from suffice.models.http.openai import OpenAIModel
from suffice.models.http.spend import SpendAccount
from suffice.models.http.transport import CallFailed
from suffice.ports import Answer, Model, Progress, Request, Store

# What a kill may lose of a model that is computed here: a second or so of an encoder's work.
_BATCH = 64
# A live model's answers are kept one by one; large batches keep all its connections busy.
_LIVE_BATCH = 256


class Remembered:
    """Asks the model only what the store does not know, batch by batch, keeping each at once.

    Failures are answers too, but they are not kept: the next run asks again. A live model's answers
    are kept one by one, as they come.
    """

    def __init__(self, model: Model, *, fingerprint: str, store: Store, progress: Progress) -> None:
        self._model = model
        self._fingerprint = fingerprint
        self._store = store
        self._progress = progress
        self._has_answered = False

    @property
    def name(self) -> str:
        """Returns the model's name."""
        return self._model.name

    @property
    def simulated(self) -> bool:
        """Says whether the model's answers are made up."""
        return self._model.simulated

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns one answer per request, from the store where it is known.

        Raises:
            ModelError: the model could not answer at all; what it answered before is kept.
            BudgetExceeded: asking on would pass the spend cap; what was paid for is kept.
        """
        known = dict(self._store.answers(self._fingerprint, [request.key for request in requests]))
        missing = list({r.key: r for r in requests if r.key not in known}.values())
        self._has_answered = self._has_answered or bool(known)
        size = _LIVE_BATCH if isinstance(self._model, OpenAIModel) else _BATCH
        for start in range(0, len(missing), size):
            batch = missing[start : start + size]
            given = dict(zip((r.key for r in batch), await self._asked(batch), strict=True))
            good = {key: answer for key, answer in given.items() if answer.error is None}
            self._store.keep_answers(self._fingerprint, good)
            self._has_answered = self._has_answered or bool(good)
            known.update(given)
            self._progress(f"ask {self.name}", start + len(batch), len(missing))
        return [known[request.key] for request in requests]

    async def _asked(self, batch: Sequence[Request]) -> list[Answer]:
        """Returns the model's answers; where it answered others, a batch of odd requests may fail alone."""
        if not isinstance(self._model, OpenAIModel):
            return await self._model.answer(batch)
        try:
            return await self._model.answer(batch, heard=self._keep)
        except CallFailed as failure:
            if not self._has_answered or failure.retryable or failure.hopeless:
                raise
            return [Answer(text=None, tier=self.name, error=failure.message)] * len(batch)

    def _keep(self, request: Request, answer: Answer) -> None:
        self._store.keep_answers(self._fingerprint, {request.key: answer})

    async def close(self) -> None:
        """Closes the model."""
        await self._model.close()


@dataclass(frozen=True, kw_only=True)
class Calls:
    """How an artefact's models behind servers are asked: from which money, and where answers are kept."""

    account: SpendAccount
    store: Store
    progress: Progress

    def open(self, folder: Path) -> Remembered:
        """Returns the model whose endpoint a folder names; each of its answers is kept as it comes.

        Raises:
            ArtefactError: the settings are damaged.
        """
        model = OpenAIModel.load(folder, account=self.account)
        return Remembered(model, fingerprint=model.identity, store=self.store, progress=self.progress)
