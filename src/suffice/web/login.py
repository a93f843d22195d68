"""Logging in with a key, and out: the only pages that are shown to nobody in particular."""

import re
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from suffice.serve.errors import CallError, NotAllowed, NotAuthenticated
from suffice.serve.guard.secret import parts_of
from suffice.web.posted import check_origin, read_form
from suffice.web.render import HEADERS, html_response
from suffice.web.sessions import COOKIE, LIFETIME_S, VISIT_COOKIE, new_visit
from suffice.web.visit import Pages

Endpoint = Callable[[Request], Awaitable[Response]]

_OWN_PATH = re.compile(r"/(?!/)[A-Za-z0-9/_.~?=&%+-]*")
_USEFUL = frozenset({"view", "admin", "review", "call"})
_VISIT_S = 3600


def form(pages: Pages) -> Endpoint:
    """Returns the endpoint that shows the log-in form."""

    async def shown(request: Request) -> Response:
        return _page(pages, request)

    return shown


def log_in(pages: Pages) -> Endpoint:
    """Returns the endpoint that takes a key and begins a session.

    A right key is let in at any time; wrong ones are answered late where there are many.
    """

    async def taken(request: Request) -> Response:
        address = request.client.host if request.client else ""
        try:
            check_origin(request)
            fields = await read_form(request)
            visit = request.cookies.get(VISIT_COOKIE, "")
            if not pages.sessions.is_form_token(fields.get("token", ""), visit, "login"):
                raise NotAllowed("this form has expired: try again", code="stale_form")
            key = fields.get("key", "").strip()
            try:
                caller = await pages.door.authenticate(f"Bearer {key}")
            except NotAuthenticated as error:
                await pages.attempts.failed(address, *_public_id(key))
                raise NotAuthenticated("this is no key of this gateway, or it was revoked") from error
            if not caller.scopes & _USEFUL:
                raise NotAllowed("this key may see no page: make one with `--scope view`")
        except CallError as error:
            return refused(pages, request, error)
        cookie, _ = pages.sessions.begin(caller.key_id)
        target = _own_path(request.query_params.get("next", ""))
        response = RedirectResponse(target, 303, dict(HEADERS))
        response.set_cookie(
            COOKIE, cookie, LIFETIME_S, httponly=True, samesite="strict", secure=_is_tls(pages, request)
        )
        response.delete_cookie(VISIT_COOKIE, path="/")
        return response

    return taken


def log_out(pages: Pages) -> Endpoint:
    """Returns the endpoint that ends a session for good."""

    async def ended(request: Request) -> Response:
        session = pages.sessions.read(request.cookies.get(COOKIE))
        response = RedirectResponse("/login", 303, dict(HEADERS))
        if session is None:
            return response
        try:
            check_origin(request)
            fields = await read_form(request)
            if not pages.sessions.is_form_token(fields.get("token", ""), session.nonce, "logout"):
                raise NotAllowed("this form is of another log-in", code="stale_form")
        except CallError as error:
            return refused(pages, request, error)
        pages.sessions.end(session)
        response.delete_cookie(COOKIE, path="/")
        return response

    return ended


def refused(pages: Pages, request: Request, error: CallError) -> Response:
    """Returns the log-in form with what went wrong, under the error's status."""
    response = _page(pages, request, problem=error.message, status=error.status)
    if error.retry_after_s is not None:
        response.headers["retry-after"] = str(max(1, round(error.retry_after_s)))
    return response


def path_back_to(request: Request) -> str:
    """Returns the log-in's path, from which a log-in leads back to what was asked for."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"/login?next={quote(request.url.path + query, safe='/')}"


def _page(pages: Pages, request: Request, *, problem: str | None = None, status: int = 200) -> Response:
    visit = request.cookies.get(VISIT_COOKIE) or new_visit()
    facts = {"problem": problem, "next": _own_path(request.query_params.get("next", ""))}
    frame = {"title": "Log in", "form_token": pages.sessions.form_token(visit, "login")}
    response = html_response("login", facts, frame=frame, status=status)
    response.set_cookie(
        VISIT_COOKIE, visit, _VISIT_S, httponly=True, samesite="strict", secure=_is_tls(pages, request)
    )
    return response


def _own_path(given: str) -> str:
    """Returns a path of this site to go to; never another site's."""
    return given if _OWN_PATH.fullmatch(given) else "/"


def _public_id(key: str) -> tuple[str, ...]:
    """Returns the id that a key names, whether there is such a one or not; none for what is no key."""
    parts = parts_of(f"Bearer {key}")
    return () if parts is None else parts[:1]


def _is_tls(pages: Pages, request: Request) -> bool:
    """Says whether cookies must not go in the clear; behind a proxy only the site file knows."""
    return pages.is_behind_tls or request.url.scheme == "https"
