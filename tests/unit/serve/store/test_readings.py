"""What pages read: right sums and percentiles, and never a row of another key."""

import asyncio
from datetime import timedelta

import pytest

from suffice.clock import FakeClock
from suffice.ports import Request, Usage
from suffice.serve.call import Call, Caller, Operation
from suffice.serve.judgement import Judgement
from suffice.serve.store.opened import open_store
from suffice.serve.store.records import Filter, Money, Span, Traffic
from suffice.serve.store.settings import StoreSettings
from suffice.stats import intervals
from tests.unit.serve.made_events import NOON, made_event, made_events

ALPHA = Caller(key_id="alpha")


def filled(store, events):
    """Commits events."""
    for event in events:
        store.writer.put(event, run=None, seq=None, is_logged=False)
    asyncio.run(store.keys.find("nobody"))
    return store.readings


def test_events_are_paged_newest_first_and_filtered(store):
    """Each filter narrows; pages meet without a gap or a repeat."""
    events = [
        made_event(0, route="urgency"),
        made_event(1, status=500, error="no_answer", tier="", place=None),
        made_event(2, tier="gpt", error="stream_broke"),
        made_event(3, key_id="beta"),
        made_event(4),
    ]
    readings = filled(store, events)

    def ids(**wanted):
        return [kept.event.id[4:] for kept in asyncio.run(readings.events(None, Filter(**wanted)))]

    assert list("43210") == ids()
    assert list("0") == ids(route="urgency")
    assert list("2") == ids(tier="gpt")
    assert list("3") == ids(by_key="beta")
    assert list("1") == ids(status=500)
    assert (list("21"), list("430")) == (ids(failed=True), ids(failed=False))
    assert list("32") == ids(span=Span(since=NOON + timedelta(seconds=2), until=NOON + timedelta(seconds=4)))
    first = asyncio.run(readings.events(None, Filter(limit=2)))
    assert list("21") == ids(limit=2, before=first[-1].number)


def test_traffic_is_counted_by_time_route_and_tier(store):
    """Stretches begin at whole multiples of their length."""
    events = [*made_events(2), made_event(61, status=500, tier=""), made_event(62, route="urgency")]
    found = asyncio.run(filled(store, events).traffic(None, bucket_s=60))
    noon = NOON.replace(microsecond=0)
    later = noon + timedelta(minutes=1)
    assert [
        Traffic(at=noon, route="tickets", tier="tickets", calls=2, failed=0),
        Traffic(at=later, route="tickets", tier="", calls=1, failed=1),
        Traffic(at=later, route="urgency", tier="tickets", calls=1, failed=0),
    ] == found


@pytest.mark.parametrize("n", [1, 2, 20, 101])
def test_percentiles_are_those_of_the_nearest_rank(tmp_path, n):
    """That at rank ceil(share * n), within 1%, failed calls and calls nobody answered left out."""
    events = [made_event(i, latency_ms=float((i * 37) % n + 1)) for i in range(n)]
    events += [made_event(500, latency_ms=1e6, status=502), made_event(501, latency_ms=1e6, tier="")]
    with open_store(StoreSettings(url=f"sqlite:///{tmp_path}/s", flush_ms=1.0), FakeClock(NOON)) as store:
        found = asyncio.run(filled(store, events).latency(None))
    ranks = [-(-n * share // 100) for share in (50, 95, 99)]
    (tier,) = found
    assert pytest.approx(ranks, rel=0.01) == [tier.p50_ms, tier.p95_ms, tier.p99_ms]
    assert ("tickets", n) == (tier.tier, tier.n)


def test_percentiles_are_told_apart_by_tier(store):
    """Each tier has its own, in every database."""
    events = [made_event(i, tier=tier, latency_ms=i + 1.0) for tier in ("a", "b") for i in range(100)]
    found = asyncio.run(filled(store, events).latency(None))
    assert [("a", 100), ("b", 100)] == [(each.tier, each.n) for each in found]
    for each in found:
        assert pytest.approx([50.0, 95.0, 99.0], rel=0.01) == [each.p50_ms, each.p95_ms, each.p99_ms]


def test_savings_count_only_calls_for_which_both_prices_are_known(store):
    """Each sum has its own n, and what is not known is None, never 0."""
    events = [
        made_event(0, cost_usd=0.5, reference_usd=2.0),
        made_event(1, cost_usd=1.0, reference_usd=None),
        made_event(2, cost_usd=None, reference_usd=4.0, usage=Usage()),
    ]
    readings = filled(store, events)
    expected = Money(
        calls=3, cost_usd=1.5, cost_n=2, reference_usd=6.0, reference_n=2, saved_usd=1.5, compared_n=1,
        input_tokens=24, output_tokens=6, tokens_n=2,
    )  # fmt: skip
    assert expected == asyncio.run(readings.money(None))
    nothing = asyncio.run(readings.money("nobody"))
    assert (0, None, None, None) == (
        nothing.calls, nothing.cost_usd, nothing.saved_usd, nothing.input_tokens,
    )  # fmt: skip


def test_escalation_is_a_rate_with_wilsons_interval(store):
    """Over the calls that reached a tier: one that was refused before says nothing."""
    events = [*made_events(8), *made_events(2, escalated=True), made_event(9, steps=(), status=429)]
    (rate,) = asyncio.run(filled(store, events).escalation(None))
    bounds = intervals.wilson(2, 10)
    assert (2, 10, 0.2, bounds.lower, bounds.upper) == (
        rate.count, rate.n, rate.rate, rate.lower, rate.upper,
    )  # fmt: skip


def test_quality_counts_the_last_word_on_each_call(store):
    """With an interval that may be watched; scores alone say nothing of right or wrong."""
    readings = filled(store, made_events(4))

    async def judge():
        for number, correct in ((0, True), (1, False), (1, True), (2, False), (3, None)):
            said = Judgement(request_id=f"req_{number}", key_id="alpha", at=NOON, correct=correct, score=0.5)
            await store.feedback.keep(said, ALPHA)
        return await readings.quality(None)

    (rate,) = asyncio.run(judge())
    bounds = intervals.betting([1.0, 1.0, 0.0])
    assert ("tickets", "tickets", 2, 3) == (rate.route, rate.tier, rate.count, rate.n)
    assert (bounds.lower, bounds.upper, "betting") == (rate.lower, rate.upper, rate.method)


def test_a_key_never_sees_another_keys_rows(store):
    """Every reading there is, for two keys with rows of all sorts, and for one without."""
    events = [made_event(i, key_id=key, id=f"{key}_{i}") for key in ("alpha", "beta") for i in range(3)]
    readings = filled(store, events)
    waiting = {}

    async def gather(key_id):
        wanted = Filter(by_key="alpha")
        return [
            [kept.event.key_id for kept in await readings.events(key_id)],
            [kept.event.key_id for kept in await readings.events(key_id, wanted)],
            await readings.event(key_id, "alpha_0") is not None,
            sum(point.calls for point in await readings.traffic(key_id)),
            sum(tier.n for tier in await readings.latency(key_id)),
            (await readings.money(key_id)).calls,
            sum(rate.n for rate in await readings.escalation(key_id)),
            sum(rate.n for rate in await readings.quality(key_id)),
            [judged.owner for judged in await readings.feedback(key_id)],
            [ticket.key_id for ticket in await readings.tickets(key_id)],
            await readings.ticket(key_id, waiting["alpha"]) is not None,
        ]

    async def work():
        for key in ("alpha", "beta"):
            caller = Caller(key_id=key)
            said = Judgement(request_id=f"{key}_0", key_id=key, at=NOON, correct=True)
            await store.feedback.keep(said, caller)
            call = Call(
                id=f"{key}_9", operation=Operation.CHAT, model="m", route="r", caller=caller, body={},
                request=Request(text=""),
            )  # fmt: skip
            waiting[key] = await store.reviews.add(call, [])
        return [await gather(key) for key in ("alpha", "beta", "gamma", "", None)]

    alpha, beta, gamma, empty, admin = asyncio.run(work())
    assert [["alpha"] * 3, ["alpha"] * 3, True, 3, 3, 3, 3, 1, ["alpha"], ["alpha"], True] == alpha
    assert [["beta"] * 3, [], False, 3, 3, 3, 3, 1, ["beta"], ["beta"], False] == beta
    assert [[], [], False, 0, 0, 0, 0, 0, [], [], False] == gamma
    assert gamma == empty
    assert (6, 3, True, 6, 2) == (len(admin[0]), len(admin[1]), admin[2], admin[5], len(admin[9]))


def test_every_reading_takes_whose_rows_may_be_seen():
    """A reading that is added without it would show everything to everybody."""
    import inspect  # noqa: PLC0415 - only this test looks at signatures

    from suffice.serve.store.readings import Readings  # noqa: PLC0415 - as above

    public = [member for name, member in vars(Readings).items() if not name.startswith("_")]
    first = [list(inspect.signature(member).parameters.values())[1] for member in public]
    assert [("key_id", inspect.Parameter.empty)] * len(public) == [(p.name, p.default) for p in first]
