"""The way of a call through its route's tiers, from the first that may be asked to the first that answers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from suffice.clock import Clock
from suffice.serve.call import Call
from suffice.serve.decide.answer_schema import AnswerSchemas
from suffice.serve.decide.asking import Asking, Tried
from suffice.serve.decide.hedging import asked_side_by_side
from suffice.serve.decide.judging import Rules
from suffice.serve.decide.nobody import nobody_answered
from suffice.serve.decide.permission import nobody_may, refusals
from suffice.serve.decide.way import Way
from suffice.serve.errors import CallError
from suffice.serve.ports import Desk, Tier
from suffice.serve.reply import Outcome, Place, Step
from suffice.serve.route import Route


class Walk:
    """Asks the tiers of a route in their order until one's reply may be handed out.

    A reply that is not trusted is passed up (ESCALATED), a failure makes the next tier a fallback (FAILED).
    The last tier's reply is kept where it is one; where its certified rule passes it up, or it breaks
    the schema, nobody answers. What the call's text says has no part in it.
    """

    def __init__(
        self, tiers: Mapping[str, Tier], *, clock: Clock, schemas: AnswerSchemas | None = None
    ) -> None:
        self._tiers = tiers
        self._clock = clock
        self._schemas = schemas or AnswerSchemas()

    async def __call__(self, route: Route, call: Call) -> Outcome:
        """Returns the reply, the stream or the ticket, and the steps; cancelling gives up all that is asked.

        Raises:
            CallError: nobody answered; its `steps` tell the way.
        """
        steps: list[Step] = []
        try:
            return await self._outcome(route, call, steps)
        except CallError as error:
            error.steps = tuple(steps)
            raise

    async def _outcome(self, route: Route, call: Call, steps: list[Step]) -> Outcome:
        tiers = [self._tiers[name] for name in route.tiers]
        reasons = refusals(tiers, call)
        way = Way(tiers, reasons, steps)
        if way.ahead() is None:
            way.next()
            raise nobody_may(call, reasons)
        asking = self._asking(route, call)
        last: Tried | None = None
        while not asking.is_time_up() and (tier := way.next()) is not None:
            for tried in await _tried(asking, tier, way, steps, hedge_after_s=route.hedge_after_s):
                steps.append(tried.step)
                last = tried if last is None or tried.outweighs(last) else last
            if last is not None and last.is_kept:
                return last.outcome(steps)
        raise nobody_answered(steps, last, is_time_up=asking.is_time_up())

    def _asking(self, route: Route, call: Call) -> Asking:
        schema = None if call.answer_schema is None else self._schemas.of(call.answer_schema)
        ends_s = min(call.deadline_s, self._clock.elapsed_s() + route.timeout_s)
        return Asking(
            call=call if ends_s == call.deadline_s else replace(call, deadline_s=ends_s),
            rules=Rules.of(route, call, schema),
            clock=self._clock,
            ends_s=ends_s,
        )


async def _tried(
    asking: Asking, tier: Tier, way: Way, steps: Sequence[Step], *, hedge_after_s: float | None
) -> list[Tried]:
    """Returns what came of a tier, and of the one beside it where it was hedged."""
    if tier.place is Place.HUMAN and isinstance(tier, Desk):  # in this order: the second is slow
        return [await asking.hand_in(tier, steps)]
    if hedge_after_s is not None and tier.place is not Place.LOCAL and way.has_machine_ahead():
        return await asked_side_by_side(asking, tier, way, after_s=hedge_after_s)
    return [await asking.ask(tier, is_last=way.ahead() is None)]
