"""A headless Chromium, driven over its DevTools protocol: pages as a person gets them."""

# ruff: noqa: ASYNC240 - a small file on this machine
import asyncio
import base64
import contextlib
import shutil
import subprocess
from pathlib import Path

import aiohttp

BINARY = shutil.which("chromium")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--remote-debugging-port=0"),
)


class Browser:
    """One page of a running browser."""

    def __init__(self, socket):
        self._socket = socket
        self._number = 0
        self.logged = []

    async def send(self, method, **parameters):
        """Returns the result of one DevTools command."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=30)
            if message.get("method") == "Log.entryAdded":
                self.logged.append(message["params"]["entry"]["text"])
            if message.get("id") == self._number:
                return message.get("result", message.get("error"))

    async def look(self, *, width, scheme="light", height=900):
        """Sets the window's width in CSS pixels, and the colour scheme."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.send("Emulation.setEmulatedMedia", features=features)

    async def run(self, script):
        """Returns the value of a JavaScript expression in the page."""
        result = await self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def go(self, url):
        """Opens a page, and returns once it is loaded."""
        await self.run("window.isOld = true")
        await self.send("Page.navigate", url=url)
        await self.loaded()

    async def act(self, script):
        """Does what makes the browser load another page, and returns once it is loaded."""
        await self.run(f"window.isOld = true; {script}")
        await self.loaded()

    async def loaded(self):
        """Returns once a new page is there."""
        for _ in range(200):
            await asyncio.sleep(0.03)
            with contextlib.suppress(AssertionError):
                if await self.run("!window.isOld && document.readyState === 'complete'"):
                    return
        raise TimeoutError("no page was loaded")

    async def shot(self, path):
        """Writes the whole page as a PNG."""
        result = await self.send("Page.captureScreenshot", captureBeyondViewport=True)
        Path(path).write_bytes(base64.b64decode(result["data"]))


@contextlib.asynccontextmanager
async def browsing(folder):
    """Runs a browser with a new profile in a folder; nothing outlives it."""
    with subprocess.Popen(  # noqa: ASYNC220 - it starts at once, and is waited for below
        [BINARY, *_FLAGS, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            port = await _port(Path(folder) / "DevToolsActivePort")
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json") as response:
                    pages = [page for page in await response.json() if page["type"] == "page"]
                async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    browser = Browser(socket)
                    for domain in ("Page", "Log", "Runtime"):
                        await browser.send(f"{domain}.enable")
                    yield browser
        finally:
            process.kill()
            process.wait(10)


async def _port(file):
    for _ in range(300):
        await asyncio.sleep(0.05)
        if file.is_file() and (lines := file.read_text().splitlines()):
            return int(lines[0])
    raise TimeoutError("the browser did not start")
