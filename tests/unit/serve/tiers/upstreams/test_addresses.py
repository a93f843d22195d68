"""No tier reaches an address that the site did not mean it to, however a name leads there."""

import asyncio
import ipaddress
import socket

import pytest

from suffice.errors import SpecError
from suffice.models.http.endpoint import Endpoint
from suffice.serve.errors import TierFailed
from suffice.serve.tiers.upstreams.addresses import AddressRefused, Reachable
from suffice.serve.tiers.upstreams.upstream import UpstreamTier
from suffice.serve.tiers.upstreams.upstream_settings import UpstreamSettings
from tests.unit.serve.tiers.loopback_upstream import QUICK, a_call, completion, playing, response

ALWAYS_REFUSED = [
    "169.254.169.254",
    "169.254.1.1",
    "100.100.100.200",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "0.0.0.0",  # noqa: S104 - refused
    "::",
    "224.0.0.1",
    "ff02::1",
    "::ffff:169.254.169.254",
    "::ffff:0:a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "64:ff9b::a9fe:a9fe",
    "::169.254.169.254",
]
PRIVATE = [
    "10.0.0.1",
    "172.16.5.4",
    "192.168.1.1",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "fd12::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
]
LOOPBACK = ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"]
PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"]


def refused(address, **allowed):
    """Says whether an address is refused."""
    return Reachable(**allowed).refusal(ipaddress.ip_address(address)) is not None


@pytest.mark.parametrize("address", ALWAYS_REFUSED)
def test_metadata_and_link_local_are_refused_whatever_is_allowed(address):
    """Also where the site allows private addresses, or lists all there are."""
    everything = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
    assert refused(address, loopback=True, private=True, networks=everything)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_need_a_word_of_the_site(address):
    """`private`, or a network that holds them."""
    assert refused(address, loopback=True)
    assert not refused(address, private=True)
    assert not refused(address, private=True, offline=True)


@pytest.mark.parametrize("address", LOOPBACK)
def test_this_machine_is_reached_only_where_it_is_meant(address):
    """A public name that leads here is refused."""
    assert refused(address)
    assert not refused(address, loopback=True, offline=True)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_refused_offline(address):
    """Offline only listed networks are reached."""
    assert not refused(address)
    assert refused(address, offline=True)
    everything = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
    assert not refused(address, offline=True, networks=everything)


def test_listed_networks_are_reached_and_their_neighbours_are_not():
    """A list is exact."""
    networks = (ipaddress.ip_network("10.1.0.0/16"),)
    assert not refused("10.1.2.3", networks=networks)
    assert refused("10.2.2.3", networks=networks)


def test_names_are_not_looked_up_offline():
    """A lookup asks another machine; localhost does not."""
    assert (
        Reachable(offline=True).refusal_of_host("api.example.com") == "a name to be looked up, while offline"
    )
    assert Reachable(offline=True).refusal_of_host("localhost") is None
    assert Reachable(offline=True, private=True).refusal_of_host("vllm.internal") is None
    assert Reachable().refusal_of_host("api.example.com") is None


def test_sockets_are_made_only_for_checked_addresses():
    """The check is on the address that the socket then connects to."""
    open_socket = Reachable(loopback=True).socket_factory()
    with pytest.raises(AddressRefused, match="metadata"):
        open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("169.254.169.254", 80)))
    with pytest.raises(AddressRefused, match="no numeric address"):
        open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("metadata.google.internal", 80)))
    open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80))).close()


@pytest.mark.parametrize("host", ["10.0.0.5", "[fd12::1]", "[::ffff:10.0.0.5]", "100.100.100.200"])
def test_a_base_url_with_a_private_address_is_refused_at_the_start(host):
    """The site is told what to write, before any call."""
    with pytest.raises(SpecError, match="base_url names") as caught:
        UpstreamSettings(name="big", endpoint=Endpoint(base_url=f"http://{host}/v1", model="m"))
    assert caught.value.hint is not None
    assert "allow_private: true" in caught.value.hint


def leading_to(*addresses):
    """Returns a look-up that leads every name to these addresses, as a hostile name server would."""

    def look_up(_, port, *__, **___):
        kinds = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(kinds[":" in address], socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return look_up


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("127.0.0.1", "169.254.169.254"), ("10.0.0.1", "::1")])
def test_a_name_that_leads_to_this_machine_is_refused(addresses, monkeypatch):
    """Nothing is sent, and nothing is tried again (DNS rebinding)."""
    monkeypatch.setenv("SUFFICE_OFFLINE", "0")
    monkeypatch.setattr(socket, "getaddrinfo", leading_to(*addresses))

    async def run():
        async with playing(response(completion())) as upstream:
            port = upstream.base_url.split(":")[2]
            endpoint = Endpoint(base_url=f"http://public.example:{port}", model="m", waiting=QUICK)
            tier = UpstreamTier(UpstreamSettings(name="big", endpoint=endpoint))
            try:
                with pytest.raises(TierFailed, match="tier big may not be reached") as caught:
                    await tier.answer(a_call())
            finally:
                await tier.close()
            assert [] == upstream.received
            assert 0 == upstream.connections
            return caught.value

    assert "127.0.0.1" not in asyncio.run(run()).message


def test_offline_nothing_public_is_asked():
    """The switch SUFFICE_OFFLINE, which tests set, is obeyed before a name is looked up."""
    endpoint = Endpoint(base_url="https://api.example.com/v1", model="m")

    async def run():
        tier = UpstreamTier(UpstreamSettings(name="big", endpoint=endpoint))
        with pytest.raises(TierFailed, match="a name to be looked up, while offline"):
            await tier.answer(a_call())
        await tier.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"name": ""}, "needs a name"),
        ({"queue": -1}, "queue must be"),
        ({"queue_s": 0}, "queue_s must be"),
        ({"reply_bytes": 0}, "reply_bytes"),
        ({"drop_params": frozenset({"messages"})}, "drop_params"),
        ({"allow_networks": ("10.0.0.1/8",)}, "allow_networks holds"),
    ],
)
def test_senseless_settings_are_refused(wrong, what):
    """Each names the setting."""
    endpoint = Endpoint(base_url="http://127.0.0.1:1/v1", model="m")
    with pytest.raises(SpecError, match=what):
        UpstreamSettings(**{"name": "big", "endpoint": endpoint, **wrong})
