"""A server trusted as local gets what must stay; it cannot be one that is known to be elsewhere."""

import asyncio
import ipaddress

import pytest

from suffice.errors import SpecError
from suffice.models.http.endpoint import Endpoint
from suffice.serve.errors import TierFailed
from suffice.serve.reply import Place
from suffice.serve.tiers.upstreams.upstream_settings import TrustedLocal, UpstreamSettings
from tests.unit.serve.tiers.loopback_upstream import (
    END,
    EVENTS,
    a_call,
    asking,
    chunk,
    completion,
    event,
    playing,
    raw,
    response,
)

KEPT = {"local_only": True}


def settings(base_url="http://127.0.0.1:11434/v1", model="llama3.2:3b", **more):
    """Returns a tier's settings."""
    return UpstreamSettings(name="near", endpoint=Endpoint(base_url=base_url, model=model), **more)


@pytest.mark.parametrize("trust", [TrustedLocal.NO, TrustedLocal.THIS_MACHINE])
def test_a_call_that_must_stay_goes_to_a_trusted_server_alone(trust):
    """Without the word of the site a server at 127.0.0.1 is outside as any other."""

    async def run():
        async with (
            playing(response(completion())) as upstream,
            asking(upstream, trusted_local=trust) as tier,
        ):
            if trust is TrustedLocal.NO:
                with pytest.raises(TierFailed, match="may not leave"):
                    await tier.answer(a_call(**KEPT))
                return [], len(upstream.received)
            return (await tier.answer(a_call(**KEPT))).place, len(upstream.received)

    expected = ([], 0) if trust is TrustedLocal.NO else (Place.TRUSTED_LOCAL, 1)
    assert expected == asyncio.run(run())


def test_a_stream_of_a_trusted_server_is_local_too():
    """Whole replies and streams are counted alike."""

    async def run():
        script = raw(EVENTS + event(chunk("hi")) + END + event(b"[DONE]"))
        async with (
            playing(script) as upstream,
            asking(upstream, trusted_local=TrustedLocal.THIS_MACHINE) as tier,
        ):
            streaming = await tier.stream(a_call(stream=True, **KEPT))
            place = streaming.place
            async for _ in streaming.chunks:
                pass
            return place

    assert Place.TRUSTED_LOCAL == asyncio.run(run())


def test_nothing_is_masked_for_a_trusted_server():
    """It sees what a bundle would see: what is masked is for who may not know it."""

    async def run():
        async with (
            playing(response(completion())) as upstream,
            asking(upstream, trusted_local=TrustedLocal.THIS_MACHINE) as tier,
        ):
            masked = {"model": "m", "messages": [{"role": "user", "content": "[EMAIL_1]"}]}
            await tier.answer(a_call(text="ann@example.org", masked_body=masked))
            return upstream.received[0].body["messages"][0]["content"]

    assert "ann@example.org" == asyncio.run(run())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"base_url": "http://10.1.2.3:8000/v1"}, "on this machine, not 10.1.2.3"),
        ({"base_url": "https://api.example.com/v1"}, "on this machine, not api.example.com"),
        ({"allow_private": True}, "needs no allow_private"),
        ({"allow_networks": ("10.0.0.0/8",)}, "needs no allow_private, no allow_networks"),
        ({"model": "gpt-oss:120b-cloud"}, "answered on other machines"),
        ({"trusted_local": TrustedLocal.PRIVATE_NETWORK}, "the networks it is true of"),
        ({"trusted_local": TrustedLocal.PRIVATE_NETWORK, "allow_networks": ("8.8.8.0/24",)},
         "is not private"),
        ({"trusted_local": TrustedLocal.PRIVATE_NETWORK, "allow_networks": ("10.0.0.0/8",),
          "base_url": "http://192.168.1.5/v1"}, "a private address"),
    ],
)  # fmt: skip
def test_what_is_not_known_to_be_here_is_not_trusted(more, words):
    """Another machine, a network that is not private, a model that Ollama has answered elsewhere."""
    with pytest.raises(SpecError, match=words):
        settings(**{"trusted_local": TrustedLocal.THIS_MACHINE, **more})


def test_the_way_ends_where_trust_ends():
    """A name that leads out of the listed network, or `localhost` made to lead elsewhere, is refused."""
    here = settings(base_url="http://localhost:11434/v1", trusted_local=TrustedLocal.THIS_MACHINE)
    box = settings(
        base_url="http://ollama:11434/v1",
        trusted_local=TrustedLocal.PRIVATE_NETWORK,
        allow_networks=("172.16.0.0/12",),
    )
    found = {
        (name, address): tier.reachable(offline=False).refusal(ipaddress.ip_address(address))
        for name, tier in (("here", here), ("box", box))
        for address in ("127.0.0.1", "172.18.0.5", "10.0.0.1", "8.8.8.8")
    }
    assert {
        ("here", "127.0.0.1"): None,
        ("here", "172.18.0.5"): "a private address",
        ("here", "10.0.0.1"): "a private address",
        ("here", "8.8.8.8"): "a public address, of a server trusted as local",
        ("box", "127.0.0.1"): "an address of this machine",
        ("box", "172.18.0.5"): None,
        ("box", "10.0.0.1"): "a private address",
        ("box", "8.8.8.8"): "a public address, of a server trusted as local",
    } == found
