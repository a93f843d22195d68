"""One raw request over a socket, and what came back: as bytes, for who sends what no client would."""

import asyncio
import contextlib
import re
from dataclasses import dataclass

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked\r\n", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@dataclass(frozen=True, kw_only=True)
class Said:
    """What came. `is_over`: it came to its end, be it that the connection was closed without a word."""

    raw: bytes = b""
    is_over: bool = True

    @property
    def status(self) -> int | None:
        """Returns the status of the last response."""
        found = _STATUS.findall(self.raw)
        return int(found[-1]) if found else None

    @property
    def body(self) -> bytes:
        """Returns the body, without the frames of its parts."""
        head, _, body = self.raw.rpartition(b"HTTP/1.1 ")[2].partition(b"\r\n\r\n")
        return _joined(body) if _CHUNKED.search(head + b"\r\n") else body


class Line:
    """A connection that is used again where the last response left it whole."""

    def __init__(self, port: int, *, patience_s: float) -> None:
        self._port = port
        self._patience_s = patience_s
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, raw: bytes, *, keeps: bool, cuts: bool) -> Said:
        """Returns what comes back; `keeps` uses the connection again, `cuts` closes this side behind it."""
        reused = self._open is not None
        if self._open is None:
            self._open = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._open
        try:
            async with asyncio.timeout(self._patience_s):
                with contextlib.suppress(OSError):  # it may have answered, and closed, before the end
                    writer.write(raw)
                    await writer.drain()
                    if cuts:
                        writer.write_eof()
                said = await _read(reader)
        except TimeoutError:
            said = Said(is_over=False)
        except ConnectionError:
            said = Said()
        if not keeps or not said.is_over or said.status is None or b"onnection: close" in said.raw:
            await self.close()
        if reused and said.raw == b"" and said.is_over:  # it had been closed for being idle
            return await self.ask(raw, keeps=keeps, cuts=cuts)
        return said

    async def close(self) -> None:
        """Closes the connection."""
        if self._open is not None:
            self._open[1].close()
            with contextlib.suppress(ConnectionError):
                await self._open[1].wait_closed()
            self._open = None


async def _read(reader: asyncio.StreamReader) -> Said:
    """Returns one response, or what there is where the connection ends before."""
    raw = b""
    while True:
        part = await reader.read(1 << 16)
        raw += part
        if not part or _is_whole(raw):
            return Said(raw=raw)


def _is_whole(raw: bytes) -> bool:
    head, separator, body = raw.partition(b"\r\n\r\n")
    if not separator:
        return False
    length = _LENGTH.search(head + b"\r\n")
    if length is not None:
        return len(body) >= int(length[1])
    return body.endswith(b"0\r\n\r\n") if _CHUNKED.search(head + b"\r\n") else False


def _joined(body: bytes) -> bytes:
    parts = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        count = int(size or b"0", 16)
        if not count:
            break
        parts.append(rest[:count])
        body = rest[count + 2 :]
    return b"".join(parts)
