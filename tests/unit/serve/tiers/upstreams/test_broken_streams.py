"""Whatever bytes a stream holds, reading it ends: with its chunks, or with a failure of the tier."""

import asyncio
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suffice.clock import SystemClock
from suffice.models.http.endpoint import Endpoint, Waiting
from suffice.serve.tiers.upstreams.allowance import Allowance
from suffice.serve.tiers.upstreams.retries import ExchangeFailed
from suffice.serve.tiers.upstreams.upstream_chunks import UpstreamChunks
from suffice.serve.tiers.upstreams.upstream_settings import UpstreamSettings
from tests.unit.serve.tiers.loopback_upstream import DONE, END, USAGE, chunk, event

SETTINGS = UpstreamSettings(name="big", endpoint=Endpoint(base_url="http://127.0.0.1:1/v1", model="m"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from(["", "a", "stop"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "delta", "index", "finish_reason", "usage", "error", "text", "model"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
PARTS = st.one_of(
    st.sampled_from(
        [event(chunk("ä")), END, USAGE, DONE, b": ping\n\n", b"data: {\n\n", b"\xff\xfe", b"\r", b"\n"]
    ),
    VALUES.map(lambda value: b"data: " + json.dumps(value).encode() + b"\n\n"),
    VALUES.map(lambda value: b"data: " + json.dumps({"choices": value}).encode() + b"\r\n\r\n"),
    st.binary(max_size=12),
)


class Response:
    """An open reply, its body in pieces."""

    def __init__(self, pieces):
        self.pieces = list(pieces)
        self.closed = 0

    async def piece(self, _):
        """Returns the next piece, b"" at the end."""
        return self.pieces.pop(0) if self.pieces else b""

    async def drain(self, _):
        """Reads the rest."""
        self.pieces.clear()

    def close(self):
        """Counts."""
        self.closed += 1


async def read(pieces):
    """Returns the chunks, the failure (None for none), and how often the end was told."""
    response, ends = Response(pieces), []
    allowance = Allowance("big", Waiting(), clock=SystemClock(), deadline_s=float("inf"), fair_s=1.0)
    chunks = UpstreamChunks(
        response,
        settings=SETTINGS,
        allowance=allowance,
        hides_usage=True,
        at_end=lambda usage, failure: ends.append((usage, failure)),
    )
    seen, broken = [], None
    try:
        await chunks.begin()
        async for part in chunks:
            seen.append(part)  # noqa: PERF401 - those before a failure are wanted
    except ExchangeFailed as failure:
        broken = failure
    return seen, broken, ends, response


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PARTS, max_size=8), st.data())
def test_every_stream_ends(parts, data):
    """Chunks are objects with a list of choices; the end is told once; nothing else is raised."""
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=4)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    pieces = [piece for piece in pieces if piece]
    seen, broken, ends, response = asyncio.run(read(pieces))
    assert all(isinstance(part["choices"], list) for part in seen)
    assert not any("usage" in part for part in seen)
    assert [broken] == [failure for _, failure in ends]
    assert 1 == response.closed
