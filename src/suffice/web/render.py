"""HTML made of a page's JSON: one environment, everything escaped, no script and no style in a page."""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from suffice.report import numbers
from suffice.web import charts, words

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# `same-origin`, not `no-referrer`: with the latter a browser sends `Origin: null` with our own forms.
HEADERS: Mapping[str, str] = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "cache-control": "no-store",
}
_STATIC = {"suffice.css": "text/css; charset=utf-8", "suffice.js": "text/javascript; charset=utf-8"}


def json_bytes(facts: Mapping[str, Any]) -> bytes:
    """Returns a page's facts as JSON, two spaces deep."""
    return orjson.dumps(facts, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z, default=_plain)


def json_response(facts: Mapping[str, Any], *, status: int = 200) -> Response:
    """Returns the page as JSON."""
    return Response(json_bytes(facts), status, {**HEADERS, "content-type": "application/json"})


def html_response(
    name: str, facts: Mapping[str, Any], *, frame: Mapping[str, Any], status: int = 200
) -> Response:
    """Returns the page as HTML, rendered from the very JSON: it cannot know more.

    `frame` is what stands around every page: who is logged in, the way to other pages, form tokens.
    """
    shown = orjson.loads(json_bytes(facts))
    html = _environment().get_template(f"{name}.html").render(facts=shown, frame=frame)
    # A lone surrogate cannot be encoded; it would have come from a body that cannot be either.
    body = html.encode("utf-8", "replace")
    return Response(body, status, {**HEADERS, "content-type": "text/html; charset=utf-8"})


@cache
def static_files() -> Mapping[str, tuple[bytes, str]]:
    """Returns the bytes and the type of each static file, by the name it is served under."""
    folder = resources.files("suffice.web") / "static"
    found = {}
    for name, kind in _STATIC.items():
        raw = (folder / name).read_bytes()
        found[_stamped(name, raw)] = (raw, kind)
    return found


def _stamped(name: str, raw: bytes) -> str:
    stem, _, suffix = name.rpartition(".")
    return f"{stem}.{hashlib.sha256(raw).hexdigest()[:12]}.{suffix}"


def _static_path(suffix: str) -> str:
    return next(f"/static/{name}" for name in static_files() if name.endswith(f".{suffix}"))


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"no JSON for {type(value)}")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("suffice.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": numbers.count,
        "money": numbers.money,
        "size": numbers.size,
        "share": numbers.share,
        "duration": numbers.duration,
        "energy": numbers.energy,
        "budget": numbers.budget,
        "number": lambda value: numbers.NOT_MEASURED if value is None else numbers.significant(value),
        "ends": words.ends,
        "ago": words.ago,
        "moment": words.moment,
        "place": words.place,
        "where": words.where,
        "shown": words.shown,
        "verdict": words.verdict,
        "measures": words.measures,
        "per": words.per,
        "signed": words.signed,
        "pretty": words.pretty,
    }
    environment.globals |= {
        "unknown": numbers.NOT_MEASURED,
        "bar": charts.bar,
        "gauge": charts.gauge,
        "balance": charts.balance,
        "traffic": charts.traffic,
        "tallest": charts.tallest,
        "kinds": charts.kinds,
        "range_bar": charts.range_bar,
        "curl_line": words.curl_line,
        "stylesheet": _static_path("css"),
        "script": _static_path("js"),
    }
    return environment
