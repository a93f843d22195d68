"""Two gateways over one PostgreSQL: budgets and revocations are shared, within the documented bounds."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from suffice.serve.key import Limits
from tests.gateway import postgres
from tests.gateway.standing import CHAT, Running, running, upstream

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "there"),
]
COMPLETIONS = "/v1/chat/completions"
SITE = """\
suffice: 1
home: {home}
models: {{chat: {{tiers: [near]}}}}
tiers: {{near: {{kind: upstream, base_url: "http://127.0.0.1:{port}/v1", model: m}}}}
privacy: {{default: allow}}
store: {store}
"""


@pytest.fixture
def two(tmp_path) -> Iterator[tuple[Running, Running]]:
    """Returns two running gateways with one store, each with an audit log of its own."""
    with postgres.server() as database, upstream() as seen:
        url = database.new_url()
        for home in ("one", "two"):
            text = SITE.format(home=home, port=seen.port, store=url)
            (tmp_path / f"{home}.yaml").write_text(text)
        with running(tmp_path / "one.yaml") as one, running(tmp_path / "two.yaml") as two:
            yield one, two


def statuses(gateway: Running, key: str, *, calls: int) -> list[int]:
    """Returns the statuses of so many calls in a row."""
    return [gateway.ask(COMPLETIONS, CHAT, key=key).status for _ in range(calls)]


def wait_for_events(gateway: Running, key_id: str, *, requests: int) -> None:
    """Waits until the store has the events of so many calls."""
    since = gateway.clock.now() - timedelta(days=1)
    ends = time.monotonic() + 20
    while True:
        spent = gateway.do(gateway.standing.records.store.spending.spent_since(since))
        if key_id in spent and spent[key_id].requests >= requests:
            return
        assert time.monotonic() < ends, spent
        time.sleep(0.05)


def test_two_gateways_share_a_day_and_a_revocation(two):
    """A day's limit holds over both after a refresh; a key revoked at one is refused at the other in 5 s."""
    one, other = two
    key_id, key = one.new_key(limits=Limits(requests_per_day=10))
    assert [200] * 6 == statuses(one, key, calls=6)
    wait_for_events(other, key_id, requests=6)
    other.do(other.standing.door.refresh())
    assert [200] * 4 + [429] == statuses(other, key, calls=5)
    wait_for_events(one, key_id, requests=10)
    one.do(one.standing.door.refresh())
    assert [429] == statuses(one, key, calls=1)
    one.do(one.standing.door.revoke(key_id))
    assert [401] == statuses(one, key, calls=1)
    other.clock.skipped_s += 5
    assert [401] == statuses(other, key, calls=1)
