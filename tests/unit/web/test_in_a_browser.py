"""The pages in a real browser: logging in, and reading them on a telephone."""

import asyncio
import threading
from contextlib import contextmanager

import pytest
import uvicorn

from suffice.clock import SystemClock
from suffice.web.pages import app_of
from tests.unit.web import chromium
from tests.unit.web.made_up import EVIL, event, made, rate, ticket
from tests.unit.web.test_answer_form import SCHEMA, site_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium.BINARY is None, reason="there is no chromium on this machine"),
]

ASKED = '{"model": "tickets", "messages": [{"role": "user", "content": "Where is my parcel?"}]}'
PATHS = (
    *("/overview", "/requests", "/requests/req-0001", "/served", "/review", "/review/tkt_01"),
    *("/playground", "/keys", "/audit", "/review/tkt_03"),
)
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# The contrast of every text with what lies behind it (WCAG 2.2, 1.4.3), where that is a plain colour.
FAINT = """
(() => {
  const parts = c => (c.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const linear = x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
  const light = c => {
    const [r, g, b] = parts(c).slice(0, 3).map(x => linear(x / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor, p = parts(colour);
      if (p.length < 4 || p[3] === 1) return colour;
    }
    return getComputedStyle(document.documentElement).getPropertyValue("--paper");
  };
  const found = [];
  for (const e of document.querySelectorAll("body *")) {
    const has = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!has || e.closest("svg, .hidden, .skip, option, script") || !e.getClientRects().length) continue;
    const a = light(getComputedStyle(e).color), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${e.tagName}.${e.className} ${ratio.toFixed(2)} ${e.textContent.trim()}`);
  }
  return found;
})()
"""
FOCUSED = "[document.activeElement.innerText, getComputedStyle(document.activeElement).outlineStyle]"


@contextmanager
def served(site):
    """Serves the pages on loopback, and yields their address."""
    config = uvicorn.Config(app_of(site.pages), host="127.0.0.1", port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def everything():
    """Returns a site with something on every page, on the machine's clock as the browser is."""
    return made(
        events=[event(number, request_text=ASKED, at=SystemClock().now()) for number in range(20)],
        tickets=[ticket(), ticket(id="tkt_02", body={"input": EVIL + "x" * 300}), wanted_as(SCHEMA)],
        site=site_of(labels=("account", "delivery", "invoice_or_receipt", "refund")),
        rates=[rate("tickets", "small", 388, 412)],
        clock=SystemClock(),
    )


def wanted_as(schema):
    """Returns a ticket whose client asked for an object."""
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    return ticket(id="tkt_03", body={**ticket().body, "response_format": form})


async def logged_in(browser, base, key="boss"):
    """Types a key into the form and sends it, as a person does."""
    await browser.go(f"{base}/login")
    await browser.act(
        f"document.querySelector('#key').value = '{key}'; document.querySelector('button').click()"
    )


def test_a_person_logs_in_looks_answers_and_logs_out(tmp_path):
    """The whole way under the strict policy: forms go through, and the browser reports no violation."""
    site = everything()

    async def way(base):
        async with chromium.browsing(tmp_path) as browser:
            await browser.look(width=1280)
            await browser.go(f"{base}/requests")
            assert "/login?next=/requests" in await browser.run("location.href")
            await logged_in(browser, base)
            assert await browser.run("location.pathname") == "/overview"
            assert "" == await browser.run("document.cookie")
            assert "rgb" in await browser.run("getComputedStyle(document.querySelector('.fill-local')).fill")
            await browser.go(f"{base}/review/tkt_02")
            assert await browser.run("document.querySelectorAll('main script, main img').length") == 0
            await browser.act(
                "document.querySelector('#answer').value = 'refund';"
                "document.querySelector('#answer').form.querySelector('button').click()"
            )
            assert "is kept" in await browser.run("document.body.innerText")
            await browser.go(f"{base}/playground")
            await browser.act(
                "document.querySelector('#text').value = 'Where is my parcel?';"
                "document.querySelector('#text').form.querySelector('button').click()"
            )
            assert "Both say the same" in await browser.run("document.body.innerText")
            await browser.act("document.querySelector('.who button').click()")
            assert await browser.run("location.pathname") == "/login"
            await browser.go(f"{base}/overview")
            assert await browser.run("location.pathname") == "/login"
            return browser.logged

    with served(site) as base:
        assert [] == asyncio.run(way(base))
    assert [("tkt_02", "refund", "boss")] == site.answers


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (400, "dark"), (1280, "light")])
def test_no_page_is_too_wide_and_every_text_can_be_read(tmp_path, width, scheme):
    """On a telephone and a desk nothing scrolls sideways, and every text has a contrast of 4.5 to 1."""

    async def faults(base):
        found = []
        async with chromium.browsing(tmp_path) as browser:
            await browser.look(width=width, scheme=scheme)
            await browser.go(f"{base}/login")
            found += [("/login", await browser.run(TOO_WIDE), await browser.run(FAINT))]
            await logged_in(browser, base)
            for path in PATHS:
                await browser.go(base + path)
                found += [(path, await browser.run(TOO_WIDE), await browser.run(FAINT))]
        return [fault for fault in found if fault[1:] != (0, [])]

    with served(everything()) as base:
        assert [] == asyncio.run(faults(base))


def test_a_question_is_answered_with_the_keyboard_alone(tmp_path):
    """Tab goes to a label, Enter sends it, Enter again opens the next question; by a form too."""
    site = everything()

    async def way(base):
        async with chromium.browsing(tmp_path) as browser:
            await browser.look(width=400)
            await logged_in(browser, base, "reviewer")
            await browser.go(f"{base}/review/tkt_01")
            await browser.run("document.querySelector('.labels button').focus()")
            await pressed(browser, "Tab", 9)
            assert "delivery" in await browser.run("document.activeElement.innerText")
            await browser.run("window.isOld = true")
            await pressed(browser, "Enter", 13)
            await browser.loaded()
            assert "Next question" == await browser.run("document.activeElement.innerText")
            await browser.go(f"{base}/review/tkt_03")
            await browser.run("document.querySelector('select').value = 'book'")
            await browser.act(
                "const n = document.querySelector('input[type=number]'); n.value = 2; n.form.submit()"
            )
            await browser.go(f"{base}/review/tkt_03")
            await browser.act(
                "for (const e of document.querySelectorAll('.fields [required]')) e.required = false;"
                "document.querySelector('.fields button').click()"
            )
            assert "intent: it is needed" == await browser.run(
                "document.querySelector('[role=alert]').innerText"
            )
            return browser.logged

    with served(site) as base:
        assert [] == asyncio.run(way(base))
    assert [("tkt_01", "delivery", "reviewer")] == site.answers[:1]


async def pressed(browser, key, code):
    """Presses a key and lets it go."""
    text = {"text": "\r"} if key == "Enter" else {}
    for kind in ("keyDown", "keyUp"):
        await browser.send(
            "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text
        )


def test_the_keyboard_reaches_everything_and_shows_where_it_is(tmp_path):
    """The first stop is the way past the navigation, and a focused link has an outline."""

    async def stops(base):
        async with chromium.browsing(tmp_path) as browser:
            await browser.look(width=1280)
            await logged_in(browser, base)
            seen = []
            for _ in range(4):
                await pressed(browser, "Tab", 9)
                seen.append(await browser.run(FOCUSED))
            return seen

    with served(everything()) as base:
        found = asyncio.run(stops(base))
    assert ["Skip to the content", "suffice", "Overview", "Requests"] == [text for text, _ in found]
    assert {"solid"} == {outline for _, outline in found}
