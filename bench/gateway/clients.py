"""Clients of the long load: what they do, what they expect of every answer, and what they saw."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np

from bench.gateway.hostile import MARK

_CARD = "4111 1111 1111 1111"  # the card number that payment services publish for tests
_CLEAN = {400, 401, 403, 404, 408, 413, 422, 429, 499, 500, 502, 503, 504}
_LONGEST_S = 60.0


@dataclass(kw_only=True)
class Seen:
    """What all clients saw: counts by kind of call and end, and everything that must not be."""

    ends: Counter[str] = field(default_factory=Counter)
    answered: set[str] = field(default_factory=set)  # ids of requests whose whole reply came
    kept_here: set[str] = field(default_factory=set)  # marks that no server may ever see
    judged: set[str] = field(default_factory=set)  # ids whose feedback was acknowledged
    wrong_tenant: list[str] = field(default_factory=list)
    unclean: list[str] = field(default_factory=list)


class Clients:
    """Some clients of several tenants, at a set rate, until told to stop."""

    def __init__(self, url: str, keys: list[str], *, remote: str, local: str, seed: int) -> None:
        self._url = url
        self._keys = keys
        self._remote, self._local = remote, local
        self._rng = np.random.default_rng(seed)
        self._deeds: dict[Callable[[aiohttp.ClientSession], Awaitable[None]], float] = {
            self._ask: 0.34,
            self._ask_streamed: 0.22,
            self._ask_with_card: 0.10,
            self._ask_with_mail: 0.08,
            self._ask_local: 0.10,
            self._leave_early: 0.05,
            self._read_slowly: 0.02,
            self._send_nonsense: 0.04,
            self._send_wrong_key: 0.02,
            self._judge: 0.03,
        }
        self._to_judge: list[tuple[str, str]] = []
        self.seen = Seen()

    async def run(self, *, seconds: float, workers: int, pause_s: float) -> None:
        """Does deeds by chance for so long."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + seconds
        timeout = aiohttp.ClientTimeout(total=_LONGEST_S)
        deeds, shares = list(self._deeds), list(self._deeds.values())

        async def work() -> None:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                while loop.time() < ends:
                    deed = deeds[int(self._rng.choice(len(deeds), p=shares))]
                    try:
                        await deed(session)
                    except (aiohttp.ClientError, ConnectionError) as error:
                        self.seen.ends[f"{deed.__name__[1:]}: connection lost"] += 1
                        self._note(self.seen.unclean, f"{deed.__name__}: {error!r}")
                    except TimeoutError:
                        self.seen.ends[f"{deed.__name__[1:]}: no end in {_LONGEST_S:.0f} s"] += 1
                        self._note(self.seen.unclean, f"{deed.__name__}: hung")
                    await asyncio.sleep(float(self._rng.exponential(pause_s)))

        await asyncio.gather(*(work() for _ in range(workers)))

    async def _ask(self, session: aiohttp.ClientSession) -> None:
        mark = self._mark()
        await self._whole(session, "ask", self._chat(f"please answer {mark}"), mark=mark)

    async def _ask_with_mail(self, session: aiohttp.ClientSession) -> None:
        """Sends an address that holds a mark: the server may see the call, never the address."""
        mark, hidden = self._mark(), self._mark()
        self.seen.kept_here.add(hidden)
        text = f"write to {hidden}@example.com about {mark}"
        await self._whole(session, "mail", self._chat(text), mark=mark)

    async def _ask_with_card(self, session: aiohttp.ClientSession) -> None:
        """Sends a card number: the call may be refused, but never leave."""
        mark = self._mark()
        self.seen.kept_here.add(mark)
        await self._whole(session, "card", self._chat(f"my card {_CARD} {mark}"), mark=mark)

    async def _ask_local(self, session: aiohttp.ClientSession) -> None:
        body = {**self._chat(f"the parcel has not come {self._mark()}"), "model": self._local}
        await self._whole(session, "local", body, mark="")

    async def _whole(
        self, session: aiohttp.ClientSession, kind: str, body: dict[str, Any], *, mark: str
    ) -> None:
        key = self._key()
        async with session.post(self._at("chat/completions"), json=body, headers=_with(key)) as reply:
            data = await reply.read()
            self._check(kind, reply, data, mark=mark, key=key)

    async def _ask_streamed(self, session: aiohttp.ClientSession) -> None:
        mark, key = self._mark(), self._key()
        body = {**self._chat(f"please answer {mark}"), "stream": True}
        async with session.post(self._at("chat/completions"), json=body, headers=_with(key)) as reply:
            data = await reply.read()
            if reply.status != 200:
                self._check("stream", reply, data, mark=mark, key=key)
                return
            self._compare(data, mark)
            whole = b"data: [DONE]" in data
            broken = b'"error"' in data
            self.seen.ends[f"stream: {'whole' if whole else 'error event' if broken else 'cut'}"] += 1
            if whole == broken:
                self._note(self.seen.unclean, f"a stream ended with neither or both: {data[-200:]!r}")
            self.seen.answered.add(reply.headers.get("x-request-id", ""))

    async def _leave_early(self, session: aiohttp.ClientSession) -> None:
        body = {**self._chat(f"please answer {self._mark()}"), "stream": True}
        async with session.post(self._at("chat/completions"), json=body, headers=_with(self._key())) as reply:
            await reply.content.readany()
            reply.close()
        self.seen.ends["left early"] += 1

    async def _read_slowly(self, session: aiohttp.ClientSession) -> None:
        mark = self._mark()
        body = {**self._chat(f"please answer {mark}"), "stream": True}
        async with session.post(self._at("chat/completions"), json=body, headers=_with(self._key())) as reply:
            data = b""
            while chunk := await reply.content.read(16):
                data += chunk
                await asyncio.sleep(0.02)
            self._compare(data, mark)
        self.seen.ends[f"slow reader: {reply.status}"] += 1

    async def _send_nonsense(self, session: aiohttp.ClientSession) -> None:
        bodies = (b"{", b"[]", b'{"model": 3}', b"\xff\xfe", b'{"messages": "no", "model": "x"}', b"")
        body = bodies[int(self._rng.integers(len(bodies)))]
        headers = {**_with(self._key()), "Content-Type": "application/json"}
        async with session.post(self._at("chat/completions"), data=body, headers=headers) as reply:
            self._check("nonsense", reply, await reply.read(), mark="", key="")

    async def _send_wrong_key(self, session: aiohttp.ClientSession) -> None:
        headers = _with("sk-sf-aaaaaaaaaaaa-" + "b" * 43)
        async with session.post(self._at("chat/completions"), json=self._chat("x"), headers=headers) as reply:
            self._check("wrong key", reply, await reply.read(), mark="", key="")
            if reply.status != 401:
                self._note(self.seen.unclean, f"a wrong key got {reply.status}")

    async def _judge(self, session: aiohttp.ClientSession) -> None:
        if not self._to_judge:
            return
        request_id, key = self._to_judge.pop()
        body = {"request_id": request_id, "correct": bool(self._rng.random() < 0.9)}
        async with session.post(self._at("feedback"), json=body, headers=_with(key)) as reply:
            data = await reply.read()
            self._check("feedback", reply, data, mark="", key="")
            if reply.status < 300:
                self.seen.judged.add(request_id)

    def _check(self, kind: str, reply: aiohttp.ClientResponse, data: bytes, *, mark: str, key: str) -> None:
        """Takes note of a whole reply: an answer that is the caller's own, or an error in OpenAI's shape."""
        self.seen.ends[f"{kind}: {reply.status}"] += 1
        self._compare(data, mark)
        if reply.status < 300:
            request_id = reply.headers.get("x-request-id")
            if request_id and key:  # what is sent without a key here is no call
                self.seen.answered.add(request_id)
                if len(self._to_judge) < 200:
                    self._to_judge.append((request_id, key))
            return
        try:
            message = json.loads(data)["error"]["message"]
        except (ValueError, KeyError, TypeError):
            message = ""
        if reply.status not in _CLEAN or not message or b"Traceback" in data:
            self._note(self.seen.unclean, f"{kind}: status {reply.status}, {data[:200]!r}")

    def _compare(self, data: bytes, mark: str) -> None:
        if foreign := [found for found in MARK.findall(data) if found.decode() != mark]:
            self._note(self.seen.wrong_tenant, f"{mark} got {foreign[0].decode()}")

    def _mark(self) -> str:
        return "mark" + self._rng.bytes(8).hex()

    def _key(self) -> str:
        return self._keys[int(self._rng.integers(len(self._keys)))]

    def _chat(self, text: str) -> dict[str, Any]:
        return {"model": self._remote, "messages": [{"role": "user", "content": text}]}

    def _at(self, name: str) -> str:
        return f"{self._url}/v1/{name}"

    @staticmethod
    def _note(notes: list[str], note: str) -> None:
        if len(notes) < 1_000:
            notes.append(note)


def _with(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
