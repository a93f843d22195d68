"""The event that is made of a call's case."""

from datetime import UTC, datetime

import pytest

from suffice.serve.call import Caller, Operation
from suffice.serve.case import Case, Ending, event_of
from suffice.serve.reply import Outcome, Place, Reply, Step, Verdict


def _case(passed_up: list[float | None], kept: float | None, *, is_answered: bool = True) -> Case:
    steps = tuple(
        Step(tier=f"t{number}", place=Place.REMOTE, verdict=Verdict.ESCALATED, cost_usd=cost)
        for number, cost in enumerate(passed_up)
    )
    reply = Reply(tier="last", place=Place.REMOTE, model="m", text="x", cost_usd=kept)
    return Case(
        id="c",
        operation=Operation.CHAT,
        caller=Caller(key_id="k"),
        at=datetime(2026, 11, 22, tzinfo=UTC),
        started_s=0.0,
        steps=steps,
        outcome=Outcome(steps=steps, reply=reply) if is_answered else None,
    )


@pytest.mark.parametrize(
    ("passed_up", "kept", "is_answered", "expected"),
    [
        ([], 0.25, True, 0.25),
        ([0.5], 0.25, True, 0.75),
        ([None], 0.25, True, None),
        ([0.5], None, True, None),
        ([0.5, 0.125], None, False, 0.625),
        ([], None, False, None),
    ],
)
def test_a_call_costs_what_all_its_answers_cost(passed_up, kept, is_answered, expected):
    """What was passed up was paid too, also where nobody answered in the end; unknown is not 0."""
    case = _case(passed_up, kept, is_answered=is_answered)
    event = event_of(
        case, Ending(status=200, sha256=""), latency_ms=1.0, reference_usd=None, keeps_contents=False
    )
    assert expected == event.cost_usd
