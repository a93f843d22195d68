"""What `/health` and `/ready` say while a server is down."""

import socket
import time

import pytest

from tests.gateway.standing import CHAT, running, upstream

SITE = """\
suffice: 1
home: home
models:
  chat: {{tiers: [near]}}
  other: {{tiers: [up]}}
  asked: {{tiers: [near, people]}}
tiers:
  near: {{kind: upstream, base_url: "http://127.0.0.1:{down}/v1", model: m, attempts: 1}}
  up: {{kind: upstream, base_url: "http://127.0.0.1:{up}/v1", model: m}}
  people: {{kind: human}}
"""


@pytest.mark.slow
def test_a_server_that_is_down_is_a_trouble_and_no_tier_left_is_not_ready(tmp_path):
    """Before any call, by name; a model with people stays ready; a breaker that opened is told too."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        down = closed.getsockname()[1]
    with upstream() as server:
        file = tmp_path / "site.yaml"
        file.write_text(SITE.format(down=down, up=server.port))
        with running(file) as gateway:
            ready = gateway.ask("/ready")
            for _ in range(100):
                if ready.status == 503:
                    break
                time.sleep(0.05)
                ready = gateway.ask("/ready")
            health = gateway.ask("/health")
            why = "nothing listens where its server should be"
            assert (200, {"tiers.near": why}) == (health.status, health.body["troubles"])
            assert {"models.chat": f"no tier can answer now (near: {why})"} == ready.body["troubles"]
            _, key = gateway.new_key()
            assert 202 == gateway.ask("/v1/chat/completions", {**CHAT, "model": "asked"}, key=key).status
            gateway.standing.tiers.lookouts.pop("near")  # from here on only calls tell
            for _ in range(5):
                gateway.ask("/v1/chat/completions", CHAT, key=key)
            assert "failed too often" in gateway.ask("/health").body["troubles"]["tiers.near"]
            assert 503 == gateway.ask("/ready").status
            gateway.clock.skipped_s += 11  # the breaker lets one call try: whoever waits for it must send it
            assert "tries whether it is back" in gateway.ask("/health").body["troubles"]["tiers.near"]
            assert 200 == gateway.ask("/ready").status
