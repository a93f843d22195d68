"""Whatever bytes a server sends: a reply of HTTP/1.1 within limits, or an error that says what is wrong."""

import asyncio
import contextlib
import random
import sys

import pytest

from suffice.serve.tiers.upstreams.http1.failures import BrokenOff, HttpFailed, NoReply, ReplyTooLarge
from tests.unit.serve.tiers.upstreams.http1.raw_server import CLOSE, JSON, OK, RESET, WHOLE, asking, serving

CHUNKED = JSON + b"Transfer-Encoding: chunked\r\n\r\n"
LONG = b"X: " + b"y" * 1000 + b"\r\n"


def asked(*script):
    """Returns what one request brought: status and body; and how many connections the next one needed."""

    async def run():
        async with serving(list(script), [WHOLE]) as raw, asking(raw) as client:
            reply, body = await client.ask()
            await asyncio.sleep(0.02)
            assert b"{}" == (await client.ask())[1]
            return reply.status, body, raw.connections

    return asyncio.run(run())


SOUND = {
    "at once": [WHOLE],
    "a byte at a time": [WHOLE[i : i + 1] for i in range(len(WHOLE))],
    "chunks": [CHUNKED + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"],
    "chunks with extensions and a trailer": [CHUNKED + b'2;a="b"\r\n{}\r\n0\r\nX: y\r\n\r\n'],
    "chunks of odd sizes": [CHUNKED + b"00002\r\n{}\r\n000\r\n\r\n"],
    "interim replies before it": [b"HTTP/1.1 103 Early Hints\r\nContent-Type: a/b\r\n\r\n" * 3 + WHOLE],
    "an interim reply of its own packet": [b"HTTP/1.1 100 Continue\r\n\r\n", 0.01, WHOLE],
    "no reason": [WHOLE.replace(b" OK", b"")],
    "signs beyond ASCII in a header": [WHOLE.replace(b"\r\nContent-L", b"\r\nX: \xe9\xff\r\nContent-L")],
    "an empty line before it": [b"\r\n" + WHOLE],
}


@pytest.mark.parametrize("script", SOUND.values(), ids=SOUND)
def test_sound_replies_keep_their_connection(script):
    """The body is whole, and the next request goes over the same connection."""
    assert (200, b"{}", 1) == asked(*script)


LAST = {
    "closed after it": [JSON + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}", CLOSE],
    "said to be the last": [JSON + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}"],
    "ended by the connection": [JSON + b"\r\n{}", CLOSE],
    "ended by the connection, in pieces": [JSON + b"\r\n{", 0.01, b"}", CLOSE],
    "HTTP/1.0": [WHOLE.replace(b"1.1", b"1.0")],
    "surplus a moment later": [WHOLE, 0.005, WHOLE],
    "surplus that is no HTTP": [WHOLE, 0.005, b"\x00"],
}


@pytest.mark.parametrize("script", LAST.values(), ids=LAST)
def test_whole_replies_on_connections_that_are_not_used_again(script):
    """What said that it ends, or received bytes that nobody asked for, carries no other request."""
    assert (200, b"{}", 2) == asked(*script)


def head(**changes):
    """Returns a head with some lines changed."""
    lines = {"length": b"Content-Length: 2\r\n", "more": b"", **changes}
    return JSON + lines["length"] + lines["more"] + b"\r\n{}"


WRONG = {
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "TLS": b"\x15\x03\x01\x00\x02\x02\x46",
    "HTTP/2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
    "HTTP/0.9": b"<html>",
    "ICY": WHOLE.replace(b"HTTP/1.1", b"ICY"),
    "version 2.0": WHOLE.replace(b"HTTP/1.1", b"HTTP/2.0"),
    "version 0.9": WHOLE.replace(b"HTTP/1.1", b"HTTP/0.9"),
    "a status of two digits": WHOLE.replace(b"200", b"20"),
    "a status of four digits": WHOLE.replace(b"200", b"0200"),
    "a status that is no number": WHOLE.replace(b"200", b"2x0"),
    "another protocol from now on": b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nabc",
    "101 without a word": b"HTTP/1.1 101 Switching\r\n\r\n",
    "interim replies without an end": b"HTTP/1.1 100 Continue\r\n\r\n" * 9 + WHOLE,
    "a bare line feed after the status": WHOLE.replace(b"OK\r\n", b"OK\n"),
    "a bare line feed after a header": WHOLE.replace(b"json\r\n", b"json\n"),
    "bare line feeds": WHOLE.replace(b"\r\n", b"\n"),
    "a bare carriage return": WHOLE.replace(b"json\r\n", b"json\rX: y\r\n"),
    "NUL in a value": head(more=b"X: a\0b\r\n"),
    "NUL in a name": head(more=b"X\0: ab\r\n"),
    "a space in a name": head(more=b"X y: ab\r\n"),
    "a space before the colon": head(length=b"Content-Length : 2\r\n"),
    "a header without a colon": head(more=b"nonsense\r\n"),
    "a folded header": head(more=b"X: a\r\n b\r\n"),
    "a negative length": head(length=b"Content-Length: -2\r\n"),
    "a signed length": head(length=b"Content-Length: +2\r\n"),
    "an empty length": head(length=b"Content-Length: \r\n"),
    "a length in hex": head(length=b"Content-Length: 0x2\r\n"),
    "a list of lengths": head(length=b"Content-Length: 2, 2\r\n"),
    "a huge length": head(length=b"Content-Length: " + b"9" * 30 + b"\r\n"),
    "two lengths": head(length=b"Content-Length: 2\r\nContent-Length: 2\r\n"),
    "two lengths that differ": head(length=b"Content-Length: 2\r\ncontent-length: 3\r\n"),
    "a length and chunks": head(more=b"Transfer-Encoding: chunked\r\n"),
    "chunks and a length": head(length=b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n"),
    "gzip as transfer coding": head(length=b"Transfer-Encoding: gzip\r\n"),
    "gzip within chunks": head(length=b"Transfer-Encoding: gzip, chunked\r\n"),
    "identity as transfer coding": head(length=b"Transfer-Encoding: identity\r\n"),
    "a made-up coding": head(length=b"Transfer-Encoding: xchunked\r\n"),
    "chunked twice": head(length=b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
    "chunked, then not": head(length=b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
    "too many headers": head(more=b"X: y\r\n" * 100),
    "large headers": head(more=LONG * 40),
    "one large header": head(more=b"X: " + b"y" * 40_000 + b"\r\n"),
    "large headers of interim replies": (b"HTTP/1.1 103 Early\r\n" + LONG * 8 + b"\r\n") * 5 + WHOLE,
    "a shorter length than the body": head(length=b"Content-Length: 1\r\n"),
    "two replies": WHOLE + WHOLE,
    "half of a second reply": WHOLE + b"HTTP/1.1 2",
    "words after the last reply": head(more=b"Connection: close\r\n") + b"x",
    "a chunk size that is none": CHUNKED + b"zz\r\n",
    "a negative chunk size": CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
    "a huge chunk size": CHUNKED + b"f" * 20 + b"\r\n{}",
    "a chunk size with a prefix": CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
    "a chunk longer than its size": CHUNKED + b"1\r\n{}\r\n0\r\n\r\n",
    "a chunk shorter than its size": CHUNKED + b"3\r\n{}\r\n0\r\n\r\n",
    "a bare line feed after a chunk size": CHUNKED + b"2\n{}\r\n0\r\n\r\n",
    "a length among the trailers": CHUNKED + b"2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n",
}


def failed(*script, kind):
    """Returns the failure of one request, after which the next one has a connection of its own."""

    async def run():
        async with serving(list(script), [WHOLE]) as raw, asking(raw) as client:
            with pytest.raises(kind) as caught:
                await client.ask()
            assert b"{}" == (await client.ask())[1]
            assert 2 == raw.connections
            return caught.value

    return asyncio.run(run())


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_what_is_no_reply_is_refused(data):
    """The error quotes nothing of what came, and the connection is closed."""
    error = failed(data, kind=NoReply)
    assert error.message
    assert "yyy" not in error.message


# Those that begin with a whole reply are one reply in the first packet, and surplus in the second.
BY_PIECES = {name: data for name, data in WRONG.items() if not data.startswith(WHOLE)}


@pytest.mark.parametrize("data", BY_PIECES.values(), ids=BY_PIECES)
def test_what_is_no_reply_is_refused_by_pieces(data):
    """In whatever packets it comes."""
    third = len(data) // 3
    failed(data[:third], 0.003, data[third:-third], 0.003, data[-third:], kind=NoReply)


HALVES = {
    "nothing": [CLOSE],
    "a reset": [RESET],
    "half a status": [b"HTTP/1.1 20", CLOSE],
    "half a head": [JSON, CLOSE],
    "a head alone": [JSON + b"Content-Length: 2\r\n\r\n", CLOSE],
    "half a body": [JSON + b"Content-Length: 2\r\n\r\n{", CLOSE],
    "half a body, then a reset": [JSON + b"Content-Length: 9999\r\n\r\n{", 0.01, RESET],
    "chunks without their end": [CHUNKED + b"2\r\n{}\r\n", CLOSE],
    "a last chunk without the end of trailers": [CHUNKED + b"2\r\n{}\r\n0\r\nX: y\r\n", CLOSE],
    "an interim reply alone": [b"HTTP/1.1 100 Continue\r\n\r\n", CLOSE],
}


@pytest.mark.parametrize("script", HALVES.values(), ids=HALVES)
def test_half_replies_are_failures(script):
    """A body with a length or in chunks does not end with its connection."""
    failed(*script, kind=BrokenOff)


FLOODS = {
    "one header without an end": [OK + b"X: ", *[b"y" * 10_000] * 8],
    "a status line without an end": [b"HTTP/1.1 200 ", *[b"y" * 10_000] * 8],
    "headers without an end": [OK, *[b"X: y\r\n" * 20] * 400],
    "empty lines without an end": [b"\r\n" * 9000] * 20,
    "a chunk extension without an end": [CHUNKED + b"2;", *[b"y" * 10_000] * 12],
    "a trailer without an end": [CHUNKED + b"2\r\n{}\r\n0\r\nX: ", *[b"y" * 10_000] * 12],
    "trailers without an end": [CHUNKED + b"2\r\n{}\r\n0\r\n", *[b"X: y\r\n" * 2000] * 12],
    "padded chunk sizes": [CHUNKED, *[(b"0" * 9000 + b"1\r\n{\r\n") * 2] * 12],
}


@pytest.mark.parametrize("script", FLOODS.values(), ids=FLOODS)
def test_framing_is_bounded(script):
    """Heads, chunk sizes and trailers end by their size, not only by time: memory does not grow with them."""
    failed(*script, 5.0, kind=NoReply)


def test_many_small_chunks_are_no_flood():
    """Servers that send a token at a time frame a byte with five others."""
    assert (200, b"a" * 30_000, 1) == asked(CHUNKED + b"1\r\na\r\n" * 30_000 + b"0\r\n\r\n")


def test_a_body_larger_than_asked_for_is_refused():
    """Also where no length announces it."""

    async def run():
        async with serving([JSON + b"\r\n", *[b"x" * 10_000] * 10, 5.0]) as raw, asking(raw) as client:
            reply = await client.send()
            await reply.head(5.0)
            with pytest.raises(ReplyTooLarge, match="more than 50,000 bytes"):
                await reply.whole(most_bytes=50_000, next_s=lambda: 5.0)
            reply.close()

    asyncio.run(run())


def test_what_came_before_a_failure_comes_before_it():
    """A reader of pieces gets the words, then what is wrong."""

    async def run():
        async with serving([CHUNKED + b"2\r\n{}\r\nzz\r\n"]) as raw, asking(raw) as client:
            reply = await client.send()
            await reply.head(5.0)
            assert b"{}" == await reply.piece(5.0)
            with pytest.raises(NoReply):
                await reply.piece(5.0)

    asyncio.run(run())


@pytest.mark.parametrize("seed", range(40))
def test_changed_bytes_end_in_a_reply_or_a_failure(seed):
    """Whatever changes: nothing else is raised, nothing hangs, and the next request is answered rightly."""
    rng = random.Random(seed)

    async def run():
        scripts = []
        for _ in range(8):
            data = bytearray(rng.choice([WHOLE, CHUNKED + b"2\r\n{}\r\n0\r\n\r\n"]))
            for _ in range(rng.randrange(1, 4)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            scripts.append([bytes(data), CLOSE])
        async with serving(*scripts, [WHOLE]) as raw, asking(raw) as client:
            while len(raw.scripts) > 1:
                with contextlib.suppress(HttpFailed):
                    await client.ask(within_s=2.0)
            await asyncio.sleep(0.01)  # the last one's connection is closed
            assert b"{}" == (await client.ask())[1]

    asyncio.run(run())


def test_a_body_in_tiny_chunks_takes_little_more_than_its_bytes():
    """Pieces of two bytes took twenty times theirs."""

    async def run():
        async with serving([WHOLE]) as raw, asking(raw) as client:
            reply, _ = await client.ask()
            for number in range(100_000):
                reply.add(b"%02d" % (number % 100))
            held = reply._pieces
            assert 200_000 == sum(map(len, held)) == reply.held_bytes
            return sum(map(sys.getsizeof, held))

    assert asyncio.run(run()) < 300_000
