"""Where a bundle's model computes: the door that a thread and worker processes both are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from suffice.bundle import model_folder
from suffice.models import registry
from suffice.ports import Answer, Model, Request
from suffice.serve.tiers.bundles.explanation import Explanation
from suffice.serve.tiers.bundles.work_thread import WorkThread


class Engine(Protocol):
    """Answers batches of requests away from the event loop."""

    @property
    def slots(self) -> int:
        """Returns how many batches it can compute at a time."""
        ...

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns one answer per request, in order.

        Raises:
            SufficeError: the model could not answer at all.
        """
        ...

    async def explain(self, request: Request) -> Explanation:
        """Returns why the model answers as it does."""
        ...

    async def close(self) -> None:
        """Releases the model; twice is harmless."""
        ...


class ThreadEngine:
    """A bundle in one thread of this process."""

    slots = 1

    def __init__(self, thread: WorkThread, model: Model) -> None:
        self._thread = thread
        self._model = model

    @classmethod
    async def opened(cls, place: Path, *, name: str) -> ThreadEngine:
        """Returns the engine of the bundle in a folder, opened in the thread where it will compute.

        Raises:
            ArtefactError: the bundle is damaged.
            MissingExtra: a rung needs a package that is not installed.
        """
        thread = WorkThread(name)

        async def open_() -> Model:
            return registry.load(model_folder(place))

        try:
            return cls(thread, await thread.do(open_))
        except BaseException:
            await thread.close()
            raise

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns one answer per request, in order."""
        return await self._thread.do(lambda: self._answered(requests))

    async def explain(self, request: Request) -> Explanation:
        """Returns why the model answers as it does."""
        return await self._thread.do(lambda: self._explained(request))

    async def close(self) -> None:
        """Closes model and thread, after what it has been given."""
        if not self._thread.is_closed:
            await self._thread.do(self._model.close)
        await self._thread.close()

    async def _answered(self, requests: Sequence[Request]) -> list[Answer]:
        return await self._model.answer(requests)

    async def _explained(self, request: Request) -> Explanation:
        # Imports every kind of model, half a second: once, and only where somebody asks.
        from suffice.serve.tiers.bundles.explaining import explain  # noqa: PLC0415

        return await explain(self._model, request)
