"""Connections of a pool: kept, closed, given up; reading and writing no faster than the other side."""

import asyncio
import gc
import socket
import warnings

import pytest
import uvloop

from suffice.serve.tiers.upstreams.http1 import pool as pools
from suffice.serve.tiers.upstreams.http1.failures import BrokenOff
from tests.unit.serve.tiers.upstreams.http1.raw_server import (
    CLOSE,
    JSON,
    WHOLE,
    Client,
    asking,
    serving,
)

LOOPS = pytest.mark.parametrize("runner", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


@LOOPS
def test_one_after_the_other_shares_a_connection(runner):
    """The one used last is used next."""

    async def run():
        async with serving([WHOLE]) as raw, asking(raw) as client:
            await asyncio.gather(*(client.ask() for _ in range(3)))
            for _ in range(5):
                await client.ask()
            return raw.connections

    assert 3 == runner(run())


@LOOPS
def test_a_connection_that_the_server_closed_is_not_used_again(runner):
    """Its end is noticed while it is idle."""

    async def run():
        async with serving([WHOLE, 0.005, CLOSE]) as raw, asking(raw) as client:
            for _ in range(3):
                assert b"{}" == (await client.ask())[1]
                await asyncio.sleep(0.03)
            return raw.connections

    assert 3 == runner(run())


@LOOPS
@pytest.mark.parametrize("late", [WHOLE, b"x", b""], ids=["a reply", "a byte", "its end"])
def test_what_lies_unread_on_an_idle_connection_is_nobodys_reply(runner, late):
    """A second reply to one caller is not given to the next, though the loop has not seen it yet."""

    async def run():
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.settimeout(0)  # never blocks
            client = Client(f"http://127.0.0.1:{listening.getsockname()[1]}/v1")
            first = asyncio.create_task(client.ask())
            server, _ = await loop.sock_accept(listening)
            with server:
                await loop.sock_recv(server, 4096)
                server.send(WHOLE)
                await first
                if late:
                    server.send(late)
                else:
                    server.shutdown(socket.SHUT_WR)
                found = client.pool.idle()
            await client.pool.close()
            return found

    assert runner(run()) is None


@LOOPS
def test_idle_connections_are_closed(runner, monkeypatch):
    """After the time they are kept, and not before."""
    monkeypatch.setattr(pools, "_KEEP_ALIVE_S", 0.05)

    async def run():
        async with serving([WHOLE]) as raw, asking(raw) as client:
            await client.ask()
            assert not raw.closed.is_set()
            await asyncio.wait_for(raw.closed.wait(), 2)
            await client.ask()
            return raw.connections

    assert 2 == runner(run())


@LOOPS
def test_the_time_of_an_earlier_exchange_rings_for_no_later_one(runner):
    """A timer that is left where it is looks at the deadline of now."""

    async def run():
        async with serving([WHOLE], [0.1, WHOLE]) as raw, asking(raw) as client:
            await client.ask(within_s=0.05)
            assert b"{}" == (await client.ask(within_s=5.0))[1]
            return raw.connections

    assert 1 == runner(run())


@LOOPS
def test_waiting_too_long_closes_the_connection(runner):
    """For a head, and for a body."""

    async def run():
        for script in ([5.0], [JSON + b"Content-Length: 2\r\n\r\n{", 5.0]):
            async with serving(script) as raw, asking(raw) as client:
                with pytest.raises(TimeoutError):
                    await client.ask(within_s=0.05)
                await asyncio.wait_for(raw.closed_by_client(), 2)

    runner(run())


@LOOPS
def test_no_time_left_is_too_long_at_once(runner):
    """Nothing is waited for, and the connection carries nothing else."""

    async def run():
        async with serving([WHOLE]) as raw, asking(raw) as client:
            with pytest.raises(TimeoutError):
                await client.ask(within_s=0.0)
            await client.ask()
            return raw.connections

    assert 2 == runner(run())


@LOOPS
def test_cancelling_closes_the_connection(runner):
    """The server sees that nobody waits."""

    async def run():
        async with serving([5.0]) as raw, asking(raw) as client:
            task = asyncio.ensure_future(client.ask())
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(raw.closed_by_client(), 2)

    runner(run())


@LOOPS
def test_leaving_a_reply_that_is_over_disturbs_nobody(runner):
    """A reply has no hold on its connection any more once the next one comes over it."""

    async def run():
        async with serving([WHOLE], [0.02, WHOLE]) as raw, asking(raw) as client:
            first, _ = await client.ask()
            second = asyncio.ensure_future(client.ask())
            await asyncio.sleep(0.005)
            first.close()
            assert b"{}" == (await second)[1]
            return raw.connections

    assert 1 == runner(run())


@LOOPS
def test_the_rest_of_a_reply_is_read_for_the_next_one(runner):
    """Within its time; a rest that does not come closes the connection."""

    async def run():
        chunks = JSON + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"
        async with (
            serving([chunks, 0.01, b"0\r\n\r\n"], [chunks, 0.3], [WHOLE]) as raw,
            asking(raw) as client,
        ):
            for connections in (1, 1, 2):
                reply = await client.send()
                await reply.head(5.0)
                assert b"{}" == await reply.piece(5.0)
                await reply.drain(0.1)
                assert connections == raw.connections

    runner(run())


@LOOPS
def test_closing_leaves_nothing_behind(runner):
    """Idle connections and those at work are closed, and their readers told; no task, no warning."""

    async def run():
        async with serving([WHOLE], [5.0]) as raw:
            async with asking(raw) as client:
                await client.ask()
                task = asyncio.ensure_future(client.ask(within_s=20.0))
                await asyncio.sleep(0.02)
            with pytest.raises(BrokenOff):
                await task
            await client.pool.close()
            return len(asyncio.all_tasks())

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        left = runner(run())
        gc.collect()
    assert ([], True) == ([str(one.message) for one in heard], left <= 3)  # this one, and the server's


@LOOPS
def test_a_large_body_is_sent_as_it_is_taken(runner):
    """All of it, in order, and no more of it is held for sending than some pieces."""
    body = bytes(range(256)) * 20_000

    async def run():
        async with serving([WHOLE]) as raw, asking(raw) as client:
            raw.read_slowly = True
            for _ in range(2):
                await client.ask(body)
            assert all(request.endswith(b"\r\n\r\n" + body) for request in raw.requests)
            return raw.connections

    assert 1 == runner(run())


@LOOPS
def test_a_reply_before_the_whole_request_closes_the_connection(runner):
    """What is left of the request would be taken for the next one."""

    async def run():
        async with serving([WHOLE]) as raw, asking(raw) as client:
            raw.answers_early = True
            reply = await client.send(b"x" * 50_000_000)
            await reply.head(5.0)
            assert b"{}" == await reply.whole(most_bytes=9, next_s=lambda: 5.0)
            raw.answers_early = False
            await client.ask()
            return raw.connections

    assert 2 == runner(run())


@LOOPS
def test_a_reader_that_lags_holds_the_server_back(runner):
    """Of a stream that nobody reads only so much is held; then all of it comes."""
    size = 20_000_000

    async def run():
        head = JSON + b"Content-Length: %d\r\n\r\n" % size
        async with serving([head, b"x" * size]) as raw, asking(raw) as client:
            reply = await client.send()
            await reply.head(5.0)
            await asyncio.sleep(0.1)
            assert reply.held_bytes < 2_000_000
            read = 0
            while piece := await reply.piece(5.0):
                read += len(piece)
            assert size == read
            assert client.pool.idle() is not None

    runner(run())
