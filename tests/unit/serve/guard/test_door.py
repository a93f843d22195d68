"""The door: who is let in, how long that is believed, and what a refusal says."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from suffice.errors import SpecError, SufficeError
from suffice.ports import Usage
from suffice.serve.errors import LimitReached, NobodyAnswered, NotAllowed, NotAuthenticated
from suffice.serve.event import Event
from suffice.serve.guard.bind import check_bind, first_key
from suffice.serve.guard.budgets import Budgets
from suffice.serve.guard.door import KeyDoor, check_scope
from suffice.serve.guard.secret import new_key
from suffice.serve.key import SCOPES, Limits
from tests.unit.serve.guard.memory import NOON, HandClock, MemoryKeys


class Doorway:
    """A door over keys in memory, with one key."""

    def __init__(self, **about) -> None:
        self.clock = HandClock()
        self.keys = MemoryKeys()
        self.key, shown = new_key("ci", at=NOON, **about)
        self.keys.keys[self.key.id] = self.key
        self.header = f"Bearer {shown}"
        self.budgets = Budgets(clock=self.clock)
        self.door = KeyDoor(self.keys, self.budgets, clock=self.clock)

    def enter(self, header=None):
        """Returns the caller of a header."""
        return asyncio.run(self.door.authenticate(self.header if header is None else header))


def event_of(caller, **about):
    """Returns an ended call of the caller."""
    told = {"route": "m", "operation": "chat", "requested_model": "m", "status": 200} | about
    return Event(id="1", at=NOON, key_id=caller.key_id, **told)


def test_a_right_key_is_let_in_with_its_scopes():
    """The caller is known by the public id and the owner's name."""
    doorway = Doorway(scopes=frozenset({"call", "feedback"}))
    caller = doorway.enter()
    assert (doorway.key.id, "ci", {"call", "feedback"}) == (caller.key_id, caller.name, caller.scopes)
    doorway.door.admit(caller, "m")


@pytest.mark.parametrize("header", ["", "Bearer nothing", "Bearer sk-sf-aaaaaaaaaaaaaaaa-" + "a" * 43])
def test_no_key_and_unknown_keys_are_refused(header):
    """With 401, and without a hint at what was wrong with an id or a secret."""
    with pytest.raises(NotAuthenticated) as caught:
        Doorway().enter(header)
    assert 401 == caught.value.status


def test_an_unknown_id_and_a_wrong_secret_are_told_the_same():
    """And neither is remembered: the next try is compared again."""
    doorway = Doorway()
    told = []
    for header in (f"Bearer sk-sf-{'a' * 16}-{'a' * 43}", f"Bearer sk-sf-{doorway.key.id}-{'a' * 43}"):
        with pytest.raises(NotAuthenticated) as caught:
            doorway.enter(header)
        told.append(caught.value.message)
    assert told[0] == told[1]
    assert not doorway.door._known


HOSTILE = [
    "' OR '1'='1",
    "x' UNION SELECT secret_sha256 FROM keys --",
    "'; DROP TABLE keys; --",
    "sk-sf-' OR 1=1 --aaaa-" + "a" * 43,
    "sk-sf-%27%20OR%201%3D1-" + "a" * 43,
    "sk-sf-aaaaaaaaaaaaaaaa-" + "' OR '1'='1" + "a" * 32,
    "sk-sf-\x00aaaaaaaaaaaaaaa-" + "a" * 43,
    "sk-sf-" + "a" * 100_000,
    "sk-sf-ａａａａａａａａａａａａａａａａ-" + "a" * 43,
    "sk-sf-aaaaaaaaaaaaaaaa-" + "a" * 43 + ";--",
    "\ud800",
]


@pytest.mark.parametrize("token", HOSTILE, ids=range(len(HOSTILE)))
def test_litellm_cve_2026_42208_hostile_bearers_never_reach_the_store(token):
    """Injection in the bearer look-up before authentication: what is no id is not looked up at all."""
    doorway = Doorway()
    with pytest.raises(NotAuthenticated):
        doorway.enter(f"Bearer {token}")
    assert [] == doorway.keys.asked


def test_a_known_key_is_not_looked_up_again_for_some_seconds():
    """A hundred calls ask the store once; after 5 seconds once more."""
    doorway = Doorway()
    for _ in range(100):
        doorway.enter()
    assert 1 == len(doorway.keys.asked)
    doorway.clock.tick(5)
    for _ in range(100):
        doorway.enter()
    assert 2 == len(doorway.keys.asked)


def test_no_secret_lies_in_the_doors_memory():
    """Tables are keyed by a hash of the header."""
    doorway = Doorway()
    doorway.enter()
    assert doorway.header[-43:].encode() not in repr(vars(doorway.door)).encode()


def test_a_key_revoked_here_is_refused_at_once():
    """Also the caller that was let in before, and a look-up that was under way meanwhile."""
    doorway = Doorway()
    caller = doorway.enter()
    assert asyncio.run(doorway.door.revoke(doorway.key.id))
    with pytest.raises(NotAuthenticated):
        doorway.enter()
    with pytest.raises(NotAuthenticated):
        doorway.door.admit(caller, "m")
    assert not asyncio.run(doorway.door.revoke("none"))


def test_a_look_up_under_way_does_not_bring_a_revoked_key_back():
    """The store answered before the revocation, and the answer arrives after it."""
    doorway = Doorway()
    may_go_on = asyncio.Event()
    find = doorway.keys.find

    async def slow(key_id):
        key = await find(key_id)
        await may_go_on.wait()
        return key

    doorway.keys.find = slow

    async def both():
        asking = asyncio.ensure_future(doorway.door.authenticate(doorway.header))
        await asyncio.sleep(0)
        await doorway.door.revoke(doorway.key.id)
        may_go_on.set()
        with pytest.raises(NotAuthenticated):
            await asking

    asyncio.run(both())


def test_a_key_revoked_elsewhere_is_refused_within_five_seconds():
    """Another process marks it in the store; until the next look-up it is still believed."""
    doorway = Doorway()
    caller = doorway.enter()
    doorway.keys.keys[doorway.key.id] = dataclasses.replace(doorway.key, revoked_at=NOON)
    doorway.clock.tick(4.9)
    assert caller == doorway.enter()
    doorway.clock.tick(0.1)
    with pytest.raises(NotAuthenticated):
        doorway.enter()
    with pytest.raises(NotAuthenticated):
        doorway.door.admit(caller, "m")


def test_a_store_that_is_down_lets_nobody_in():
    """It fails closed, with 503; calls under way are charged; the key is let in again when it is back."""
    doorway = Doorway()
    caller = doorway.enter()
    doorway.keys.is_down = True
    doorway.clock.tick(5)
    for _ in range(2):
        with pytest.raises(NobodyAnswered) as caught:
            doorway.enter()
        assert (503, "keys_unavailable") == (caught.value.status, caught.value.code)
    doorway.door.charge(caller, event_of(caller, cost_usd=0.5))
    assert 0.5 == doorway.budgets.spent_today(caller.key_id).usd
    doorway.keys.is_down = False
    doorway.enter()


def test_who_guesses_keys_does_not_hold_up_who_has_one():
    """Four guesses are looked up at a time, 256 wait, more get 429; a known key waits for none of them."""
    doorway = Doorway()
    doorway.enter()
    doorway.clock.tick(5)
    find, may_go_on = doorway.keys.find, asyncio.Event()

    async def slow(key_id):
        key = await find(key_id)
        if key is None:
            await may_go_on.wait()
        return key

    doorway.keys.find = slow

    async def stormed():
        guesses = [f"Bearer {new_key('x', at=NOON)[1]}" for _ in range(300)]
        asking = [asyncio.ensure_future(doorway.door.authenticate(guess)) for guess in guesses]
        await asyncio.sleep(0)
        assert 1 + 4 == len(doorway.keys.asked)
        assert doorway.key.id == (await doorway.door.authenticate(doorway.header)).key_id
        may_go_on.set()
        return await asyncio.gather(*asking, return_exceptions=True)

    refused = asyncio.run(stormed())
    assert 44 == sum(isinstance(error, LimitReached) for error in refused)
    assert 256 == sum(isinstance(error, NotAuthenticated) for error in refused)


def test_a_key_is_bound_to_its_models():
    """Others are refused with 403, which names those it may call."""
    doorway = Doorway(models=frozenset({"tickets"}))
    caller = doorway.enter()
    doorway.door.admit(caller, "tickets")
    with pytest.raises(NotAllowed, match="it may call tickets"):
        doorway.door.admit(caller, "chat")


def test_a_key_without_the_scope_may_not_call():
    """A key that only sends corrections asks no model."""
    doorway = Doorway(scopes=frozenset({"feedback"}))
    caller = doorway.enter()
    with pytest.raises(NotAllowed, match="'call'"):
        doorway.door.admit(caller, "m")
    check_scope(caller, "feedback")
    with pytest.raises(NotAllowed, match="'view'"):
        check_scope(caller, "view")


def test_admin_may_everything():
    """The caller of an admin key has every scope, so that each place may look for its own."""
    assert frozenset(SCOPES) == Doorway(scopes=frozenset({"admin"})).enter().scopes


def test_what_a_call_used_is_charged():
    """Tokens read and written, and money; what is not known counts 0."""
    doorway = Doorway(limits=Limits(tokens_per_day=100))
    caller = doorway.enter()
    doorway.door.admit(caller, "m")
    usage = Usage(input_tokens=60, output_tokens=40)
    doorway.door.charge(caller, event_of(caller, usage=usage, cost_usd=0.5))
    doorway.door.charge(caller, event_of(caller))
    spent = doorway.budgets.spent_today(caller.key_id)
    assert (1, 100, 0.5) == (spent.requests, spent.tokens, spent.usd)
    with pytest.raises(LimitReached):
        doorway.door.admit(caller, "m")


def test_the_store_hears_which_keys_were_used():
    """Once a refresh, with the time; keys that were not used are not told again."""
    doorway = Doorway()
    doorway.door.admit(doorway.enter(), "m")
    asyncio.run(doorway.door.refresh())
    assert {doorway.key.id: NOON} == doorway.keys.touched
    doorway.keys.touched.clear()
    asyncio.run(doorway.door.refresh())
    assert {} == doorway.keys.touched


def test_refreshing_goes_on_after_the_store_was_down(caplog):
    """A failure is logged, the next round is made, until it is cancelled."""
    doorway = Doorway()
    waits = []

    class Down:
        async def spent_since(self, since):
            raise SufficeError(f"the store is down: {since}")

    doorway.budgets._spending = Down()

    async def sleep(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            raise asyncio.CancelledError

    async def until_cancelled():
        with pytest.raises(asyncio.CancelledError):
            await doorway.door.stay_fresh(every_s=7, sleep=sleep)

    asyncio.run(until_cancelled())
    assert [7, 7, 7] == waits
    assert 2 == caplog.text.count("the store is down")


def test_a_gateway_for_other_machines_needs_a_key():
    """The bind is refused until there is one; then there is a warning of what travels in the clear."""
    keys = MemoryKeys()
    for host in ("127.0.0.1", "::1", "localhost"):
        assert asyncio.run(check_bind(host, keys)) is None
    for host in ("0.0.0.0", "::", "192.168.1.5", "gateway.example.com"):  # noqa: S104 - that is what is refused
        with pytest.raises(SpecError, match="there is no key yet"):
            asyncio.run(check_bind(host, keys))
    asyncio.run(keys.add(new_key("ci", at=NOON)[0]))
    assert "in the clear" in asyncio.run(check_bind("0.0.0.0", keys))  # noqa: S104 - as above
    (key_id,) = keys.keys
    asyncio.run(keys.revoke(key_id, at=NOON + timedelta(days=1)))
    with pytest.raises(SpecError, match="there is no key yet"):
        asyncio.run(check_bind("0.0.0.0", keys))  # noqa: S104 - as above


def test_the_first_key_is_made_once():
    """Not again after it was revoked: then the owner has to make one."""
    keys = MemoryKeys()
    shown = asyncio.run(first_key(keys, at=NOON))
    assert shown.startswith("sk-sf-")
    assert asyncio.run(first_key(keys, at=NOON)) is None
    (key,) = keys.keys.values()
    assert "admin" not in key.scopes


def test_a_known_key_is_let_in_without_waiting():
    """The hot path: nothing is awaited, so a call takes no turn of the event loop for its key."""
    doorway = Doorway()
    doorway.enter()
    entering = doorway.door.authenticate(doorway.header)
    with pytest.raises(StopIteration) as ended:
        entering.send(None)
    assert doorway.key.id == ended.value.value.key_id
