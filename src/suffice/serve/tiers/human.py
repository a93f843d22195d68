"""A tier that is people: calls go into the review queue, and are answered later."""

from collections.abc import Sequence

from suffice.serve.call import Call
from suffice.serve.errors import TierFailed
from suffice.serve.ports import ReviewQueue
from suffice.serve.reply import Place, Reply, Step, Streaming


class HumanTier:
    """Takes calls in for people, and gives tickets (a `Desk`)."""

    def __init__(self, name: str, queue: ReviewQueue) -> None:
        self._name = name
        self._queue = queue

    @property
    def name(self) -> str:
        """Returns the name the site gives it."""
        return self._name

    @property
    def place(self) -> Place:
        """Returns HUMAN: this gateway's own queue, which private data may enter."""
        return Place.HUMAN

    async def hand_in(self, call: Call, steps: Sequence[Step]) -> str:
        """Returns the ticket of a call that was queued, with its way so far.

        Raises:
            TierFailed, LimitReached: as `ReviewQueue.add`.
        """
        return await self._queue.add(call, steps)

    async def answer(self, call: Call) -> Reply:
        """Fails: nobody answers at once.

        Raises:
            TierFailed: always.
        """
        raise TierFailed(f"tier {self._name} answers later: call {call.id} must be handed in")

    async def stream(self, call: Call) -> Streaming | Reply:
        """Fails, as `answer`.

        Raises:
            TierFailed: always.
        """
        return await self.answer(call)

    async def close(self) -> None:
        """Holds nothing: the queue is its owner's."""
