"""Logging in with a key, and out: the only pages that are shown to nobody in particular."""

import re
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from suffice.serve.errors import CallError, LimitReached, NotAllowed, NotAuthenticated
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

    A wrong key costs one of a few attempts a minute, per address and in all.
    """

    async def taken(request: Request) -> Response:
        address = request.client.host if request.client else ""
        try:
            check_origin(request)
            if (wait_s := pages.attempts.wait_s(address)) > 0:
                raise LimitReached("too many failed log-ins: wait a minute", retry_after_s=wait_s)
            fields = await read_form(request)
            visit = request.cookies.get(VISIT_COOKIE, "")
            if not pages.sessions.is_form_token(fields.get("token", ""), visit, "login"):
                raise NotAllowed("this form has expired: try again", code="stale_form")
            key = fields.get("key", "").strip()
            try:
                caller = await pages.door.authenticate(f"Bearer {key}")
            except NotAuthenticated as error:
                pages.attempts.failed(address)
                raise NotAuthenticated("this is no key of this gateway, or it was revoked") from error
            if not caller.scopes & _USEFUL:
                raise NotAllowed("this key may see no page: make one with `--scope view`")
        except CallError as error:
            return refused(pages, request, error)
        cookie, _ = pages.sessions.begin(caller.key_id)
        target = _own_path(request.query_params.get("next", ""))
        response = RedirectResponse(target, 303, dict(HEADERS))
        response.set_cookie(
            COOKIE, cookie, LIFETIME_S, httponly=True, samesite="strict", secure=_is_tls(request)
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
        VISIT_COOKIE, visit, _VISIT_S, httponly=True, samesite="strict", secure=_is_tls(request)
    )
    return response


def _own_path(given: str) -> str:
    """Returns a path of this site to go to; never another site's."""
    return given if _OWN_PATH.fullmatch(given) else "/"


def _is_tls(request: Request) -> bool:
    return request.url.scheme == "https"
