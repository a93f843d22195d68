"""What is known of a server before a call: whether it takes connections, seen only where that is free."""

import asyncio
import socket

import pytest

from suffice.models.http.endpoint import Endpoint
from suffice.serve.tiers.upstreams.lookout import lookout_of
from suffice.serve.tiers.upstreams.upstream_settings import TrustedLocal, UpstreamSettings

DOWN = "nothing listens where its server should be"


def lookout(base_url, **more):
    """Returns what looks after a server."""
    return lookout_of(UpstreamSettings(name="near", endpoint=Endpoint(base_url=base_url, model="m"), **more))


async def nothing(_reader, writer):
    """Closes a connection."""
    writer.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_is_seen_to_come_and_go(host):
    """By a connection alone: nothing is sent."""

    async def run():
        server = await asyncio.start_server(nothing, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        looking = lookout(f"http://{host}:{port}/v1")
        up = await looking.look()
        server.close()
        await server.wait_closed()
        return up, await looking.look()

    up, down = asyncio.run(run())
    assert ("", DOWN) == (up, down)


def test_the_watch_keeps_what_it_saw():
    """From its first look on."""

    async def run():
        looking = lookout("http://127.0.0.1:1/v1")
        before = looking.why
        watch = asyncio.create_task(looking.watch(every_s=0.001))
        while not looking.why:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.001)
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        return before, looking.why

    assert ("", DOWN) == asyncio.run(run())


def test_a_name_that_leads_elsewhere_is_not_connected_to(monkeypatch):
    """The same addresses are refused as for calls."""

    async def run():
        server = await asyncio.start_server(nothing, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        led = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: led)
        box = lookout(
            f"http://box:{port}/v1",
            trusted_local=TrustedLocal.PRIVATE_NETWORK,
            allow_networks=("10.0.0.0/8",),
        )
        found = await box.look()
        server.close()
        return found

    assert DOWN == asyncio.run(run())


@pytest.mark.parametrize("url", ["https://api.example.com/v1", "http://10.1.2.3:8000/v1"])
def test_servers_elsewhere_are_left_alone(url):
    """Only calls tell of them."""
    assert lookout(url, allow_private=True) is None


@pytest.mark.parametrize(("variable", "offline"), [("1", False), ("", True)])
def test_offline_a_loopback_name_that_leads_outside_is_not_connected_to(monkeypatch, variable, offline):
    """A site that is offline asks no public address, not even whether it is there."""
    tried = []

    async def connect(host, _port):
        tried.append(host)
        raise OSError

    led = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: led)
    monkeypatch.setattr(asyncio, "open_connection", connect)
    monkeypatch.setenv("SUFFICE_OFFLINE", variable)
    settings = UpstreamSettings(name="near", endpoint=Endpoint(base_url="http://localhost:1/v1", model="m"))
    assert DOWN == asyncio.run(lookout_of(settings, offline=offline).look())
    assert [] == tried
