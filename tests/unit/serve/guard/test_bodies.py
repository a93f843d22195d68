"""Bodies for the pages: too large, too slow, and neither."""

import asyncio
import json

import pytest

from suffice.serve.guard.bodies import BodyGuard


async def read_whole(_scope, receive, send):
    """Reads the body, then waits for nothing more, and answers with its length."""
    length = 0
    while True:
        message = await receive()
        length += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


def asked(parts, *, app=read_whole, timeout_s=5.0):
    """Returns status and body of the answer to a body in parts; None among them never comes."""
    sent, waiting = [], list(parts)

    async def receive():
        part = waiting.pop(0)
        if part is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message):
        sent.append(message)

    asyncio.run(BodyGuard(app, most_bytes=10, timeout_s=timeout_s)({"type": "http"}, receive, send))
    return sent[0]["status"], sent[1]["body"], dict(sent[0]["headers"])


@pytest.mark.parametrize("parts", [[b""], [b"0123456789"], [b"01234", b"56789"]])
def test_a_body_within_the_limits_arrives(parts):
    """Whole, whatever its parts."""
    status, body, _ = asked(parts)
    assert (200, sum(map(len, parts))) == (status, int(body))


@pytest.mark.parametrize("parts", [[b"0123456789a"], [b"01234", b"56789", b"a", None]])
def test_a_body_that_is_too_large_is_not_read_to_its_end(parts):
    """413 as soon as it is passed, and the connection is closed."""
    status, body, headers = asked(parts)
    assert (413, "too_large") == (status, json.loads(body)["error"]["code"])
    assert b"close" == headers[b"connection"]


def test_slowloris_a_body_that_does_not_come_ends():
    """408 after the time for the whole body, also where parts of it dribble in."""
    status, body, headers = asked([b"0", b"1", None], timeout_s=0.05)
    assert (408, "request_timeout") == (status, json.loads(body)["error"]["code"])
    assert b"close" == headers[b"connection"]


def test_waiting_for_a_client_to_leave_has_no_limit():
    """After the last part the application may wait for a disconnect as long as it likes."""

    async def waits(_scope, receive, send):
        await receive()
        gone = asyncio.ensure_future(receive())
        await asyncio.sleep(0.1)
        assert not gone.done()
        gone.cancel()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    sent = []

    async def send(message):
        sent.append(message)

    waiting = [b""]

    async def receive():
        if not waiting:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": waiting.pop(), "more_body": False}

    asyncio.run(BodyGuard(waits, most_bytes=10, timeout_s=0.02)({"type": "http"}, receive, send))
    assert 204 == sent[0]["status"]
