"""One call put to one tier, within the call's time: what it said, judged, as a step."""

from collections.abc import Sequence
from dataclasses import dataclass

from suffice.clock import Clock
from suffice.errors import SufficeError
from suffice.serve.call import Call
from suffice.serve.decide.judging import KEPT, Judged, Rules, judge
from suffice.serve.errors import BadCall, LimitReached, TierFailed, TierUnavailable
from suffice.serve.ports import Desk, Tier
from suffice.serve.reply import Outcome, Place, Reply, Step, Streaming, Verdict, closed
from suffice.serve.time_limit import TimeLimit

# A tier that keeps the call's time itself ends a little before this does, and says better what was late.
_GRACE_S = 0.1


@dataclass(kw_only=True, slots=True)  # not frozen: that triples the time it takes to make one
class Tried:
    """What came of one tier: the step, and what is handed out, or what went wrong (neither: not trusted)."""

    step: Step
    reply: Reply | None = None
    streaming: Streaming | None = None
    ticket: str | None = None
    error: SufficeError | None = None

    @property
    def is_kept(self) -> bool:
        """Says whether the call ends with this."""
        return not (self.reply is None and self.streaming is None and self.ticket is None)

    def outweighs(self, other: "Tried") -> bool:
        """Says whether this later one is the last word: a kept one stays, one that never answers is none."""
        never = isinstance(self.error, TierUnavailable) and self.error.retry_after_s is None
        return not (other.is_kept or never)

    def outcome(self, steps: Sequence[Step]) -> Outcome:
        """Returns it as the outcome of a call that took these steps."""
        return Outcome(steps=tuple(steps), reply=self.reply, streaming=self.streaming, ticket=self.ticket)

    async def give_up(self) -> None:
        """Leaves a stream that nobody will read."""
        if self.streaming is not None:
            await closed(self.streaming.chunks)


@dataclass(kw_only=True, slots=True)
class Asking:
    """One call with its rules and its time; `ends_s` is on the clock's `elapsed_s`."""

    call: Call
    rules: Rules
    clock: Clock
    ends_s: float

    def is_time_up(self) -> bool:
        """Says whether the call's time is over."""
        return self.clock.elapsed_s() >= self.ends_s

    async def ask(self, tier: Tier, *, is_last: bool) -> Tried:
        """Returns what became of the call at a tier; `is_last` says that no tier is left after it."""
        # As it is now: a bundle may be swapped, for one in another place, while it answers.
        started_s, place = self.clock.elapsed_s(), tier.place
        try:
            with TimeLimit(self.ends_s - started_s + _GRACE_S):
                if self.call.stream and not self.rules.judges(place):
                    said = await tier.stream(self.call)
                else:
                    said = await tier.answer(self.call)
        except SufficeError as error:
            return self.failed(tier, error, started_s=started_s, place=place)
        except TimeoutError:
            late = TierFailed(f"tier {tier.name} did not answer within the call's time")
            return self.failed(tier, late, started_s=started_s, place=place)
        if isinstance(said, Streaming):
            return Tried(step=self._step(tier, said, KEPT, started_s=started_s), streaming=said)
        try:
            judged = judge(said, self.rules, is_last=is_last)
        except BadCall as error:  # the schema takes too long to check
            return self.failed(tier, error, started_s=started_s, place=place)
        step = self._step(tier, said, judged, started_s=started_s)
        return Tried(step=step, reply=said if judged.kept else None)

    async def hand_in(self, desk: Desk, steps: Sequence[Step]) -> Tried:
        """Returns the ticket of a call that was given to people, or why it was not."""
        started_s = self.clock.elapsed_s()
        try:
            ticket = await desk.hand_in(self.call, steps)
        except SufficeError as error:
            return self.failed(desk, error, started_s=started_s)
        return Tried(
            step=Step(
                tier=desk.name,
                place=Place.HUMAN,
                verdict=Verdict.QUEUED,
                latency_ms=self._since_ms(started_s),
            ),
            ticket=ticket,
        )

    def failed(
        self, tier: Tier, error: SufficeError, *, started_s: float, place: Place | None = None
    ) -> Tried:
        """Returns the step of a tier that did not answer: SKIPPED only where nothing was sent to it.

        `place` is where it was when it was asked, None for where it is now.
        """
        is_asked = not isinstance(error, TierUnavailable | LimitReached)
        return Tried(
            step=Step(
                tier=tier.name,
                place=tier.place if place is None else place,
                verdict=Verdict.FAILED if is_asked else Verdict.SKIPPED,
                why=_why(error),
                latency_ms=self._since_ms(started_s) if is_asked else None,
            ),
            error=error,
        )

    def _step(self, tier: Tier, said: Reply | Streaming, judged: Judged, *, started_s: float) -> Step:
        answer = said.answer if isinstance(said, Reply) else None
        return Step(
            tier=tier.name,
            place=said.place,
            verdict=Verdict.ANSWERED if judged.kept else Verdict.ESCALATED,
            why=judged.why,
            latency_ms=self._since_ms(started_s),
            model=said.model,
            confidence=None if answer is None else answer.confidence,
            novelty=None if answer is None else answer.novelty,
            trust=None if answer is None else answer.trust,
            threshold=self.rules.threshold if said.place is Place.LOCAL else None,
            cost_usd=None if judged.kept else said.cost_usd,
        )

    def _since_ms(self, started_s: float) -> float:
        return (self.clock.elapsed_s() - started_s) * 1e3


def _why(error: SufficeError) -> str:
    """Returns why a tier failed; not in a server's words about a call, which may quote the call."""
    if isinstance(error, TierFailed) and error.is_callers_fault:
        return f"refused the call (status {error.status})"
    return error.message
