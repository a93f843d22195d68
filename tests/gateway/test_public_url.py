"""A gateway behind a proxy with TLS: what clients are told of its address, and how its cookies go."""

import pytest

from tests.gateway.standing import CHAT, running

PUBLIC = "https://gateway.example.com"
SITE = """\
suffice: 1
home: home
models: {chat: {tiers: [people]}}
tiers: {people: {kind: human}}
"""


@pytest.mark.parametrize("public", [PUBLIC, None])
def test_tickets_hosts_and_cookies_are_those_of_the_public_address(tmp_path, public):
    """They name it, and the cookie is never sent in the clear; without one all is as on this machine."""
    place = tmp_path / "site.yaml"
    place.write_text(SITE + ("" if public is None else f"public_url: {public}/\n"))
    with running(place) as gateway:
        _, key = gateway.new_key(scopes=frozenset({"call"}))
        ticket = gateway.ask("/v1/chat/completions", CHAT, key=key)
        by_name = gateway.ask("/login", host="gateway.example.com")
        here = gateway.ask("/login")
    at = public or f"http://127.0.0.1:{gateway.port}"
    assert f"{at}/review/{ticket.body['id']}" == ticket.headers["location"]
    assert (200 if public else 421, 200) == (by_name.status, here.status)
    assert bool(public) == ("; secure" in here.headers["set-cookie"].lower())
