"""Steps as JSON: they come back as they were, and take little room."""

from suffice.serve import steps
from suffice.serve.reply import Place, Step, Verdict
from tests.unit.serve.made_events import made_event

WHOLE = Step(
    tier="a",
    place=Place.REMOTE,
    verdict=Verdict.ESCALATED,
    why="é\x00",
    latency_ms=0.0,
    model="m",
    confidence=0.25,
    novelty=0.0,
    trust=0.5,
    threshold=0.75,
    cost_usd=0.0,
)
BARE = Step(tier="b", place=Place.HUMAN, verdict=Verdict.ANSWERED)


def test_steps_come_back_as_they_were():
    """Every field, None apart from 0."""
    assert (WHOLE, BARE) == steps.from_json(steps.to_json((WHOLE, BARE)))
    assert () == steps.from_json(steps.to_json(()))


def test_what_is_not_known_takes_no_room():
    """A step of which nothing is known holds three members."""
    assert b'[{"tier":"b","place":"human","verdict":"answered"}]' == steps.to_json([BARE])


def test_a_lone_surrogate_is_replaced():
    """A server's words may hold one; JSON may not."""
    odd = Step(tier="b", place=Place.LOCAL, verdict=Verdict.FAILED, why="a\ud800b")
    assert "a\ufffdb" == steps.from_json(steps.to_json([odd]))[0].why


def test_an_events_steps_are_encoded_once():
    """The audit log and the store share one encoding, which is no part of what the event is."""
    event = made_event(steps=(WHOLE,))
    assert steps.encoded(event) is steps.encoded(event)
    assert made_event(steps=(WHOLE,)) == event
