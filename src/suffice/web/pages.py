"""The pages as routes: who may see which, how a form is taken, and how an error looks."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from suffice.serve.errors import BadCall, CallError, NotAllowed, NotAuthenticated, NotFound
from suffice.web import login
from suffice.web.posted import check_origin, read_form
from suffice.web.render import HEADERS, html_response, json_response, static_files
from suffice.web.sessions import COOKIE, Session
from suffice.web.views import audit, keys, models, overview, playground, requests, review
from suffice.web.visit import Answer, Json, Pages, View, Visit, caller_of

# In the order of the navigation; a page of one thing comes before its list's siblings.
VIEWS = (
    overview.VIEW,
    requests.LIST,
    requests.ONE,
    models.VIEW,
    review.QUEUE,
    review.TICKET,
    playground.VIEW,
    keys.VIEW,
    audit.VIEW,
)
_PARTS = {"request": "requests", "ticket": "review"}

Endpoint = Callable[[Request], Awaitable[Response]]


def routes_of(pages: Pages) -> list[BaseRoute]:
    """Returns the routes of all pages, to be mounted at the root of the gateway's app."""
    found: list[BaseRoute] = [
        Route("/", _root(pages), methods=["GET"]),
        Route("/login", login.form(pages), methods=["GET"]),
        Route("/login", login.log_in(pages), methods=["POST"]),
        Route("/logout", login.log_out(pages), methods=["POST"]),
        Route("/static/{name}", _static, methods=["GET"]),
    ]
    for view in VIEWS:
        # The JSON comes first: `{id}` would take its ending as a part of the id.
        for is_json, path in ((True, f"{view.path}.json"), (False, view.path)):
            found.append(Route(path, _shown(pages, view, is_json=is_json), methods=["GET"]))
            if view.answer is not None:
                taken = _answered(pages, view, view.answer, is_json=is_json)
                found.append(Route(path, taken, methods=["POST"]))
    return found


def app_of(pages: Pages) -> Starlette:
    """Returns the pages as one ASGI application, which also answers paths that are none of theirs."""

    async def unknown(request: Request, _error: Exception) -> Response:
        error = NotFound(f"there is no page {request.url.path[:200]}")
        return await _explained(pages, request, error)

    async def wrong_method(request: Request, _error: Exception) -> Response:
        return await _explained(pages, request, BadCall("this page takes no such request", status=405))

    async def unforeseen(request: Request, _error: Exception) -> Response:
        # Starlette raises the exception again for the server's log; nothing of it is shown.
        return await _explained(pages, request, CallError("a fault of the gateway: its log says more"))

    handlers: Mapping[Any, Any] = {404: unknown, 405: wrong_method, 500: unforeseen}
    return Starlette(routes=routes_of(pages), exception_handlers=handlers)


async def _explained(pages: Pages, request: Request, error: CallError) -> Response:
    """Returns an error to whoever asks, logged in or not."""
    is_json = request.url.path.endswith(".json") or _is_program(request)
    try:
        visit: Visit | None = await _visit(pages, request)
    except CallError:
        visit = None
    return _refused(pages, request, visit, error, is_json=is_json)


def _root(pages: Pages) -> Endpoint:
    async def root(request: Request) -> Response:
        try:
            visit = await _visit(pages, request)
        except CallError:
            return RedirectResponse("/login", 303, dict(HEADERS))
        first = next((view.path for view in _seen_by(visit)), "/login")
        return RedirectResponse(first, 303, dict(HEADERS))

    return root


def _seen_by(visit: Visit) -> list[View]:
    """Returns the pages of the navigation that the visitor's scopes open."""
    return [view for view in VIEWS if "{" not in view.path and view.scopes & visit.caller.scopes]


def _shown(pages: Pages, view: View, *, is_json: bool) -> Endpoint:
    async def shown(request: Request) -> Response:
        visit: Visit | None = None
        wants_json = is_json or _is_program(request)
        try:
            visit = await _visit(pages, request)
            _check_scope(view, visit)
            facts = await view.facts(pages, visit)
        except CallError as error:
            return _refused(pages, request, visit, error, is_json=wants_json)
        if wants_json:
            return json_response(facts)
        return html_response(view.name, facts, frame=_frame(pages, view, visit, request))

    return shown


def _answered(pages: Pages, view: View, answer: Answer, *, is_json: bool) -> Endpoint:
    async def answered(request: Request) -> Response:
        visit: Visit | None = None
        wants_json = is_json or _is_program(request)
        try:
            visit = await _visit(pages, request)
            _check_scope(view, visit)
            form = await read_form(request)
            if visit.session is not None:
                check_origin(request)
                _check_token(pages, view, visit.session, form)
            facts = await answer(pages, replace(visit, form=form))
        except CallError as error:
            return _refused(pages, request, visit, error, is_json=wants_json)
        if isinstance(facts, str):
            if wants_json:
                return json_response({"see": facts})
            return RedirectResponse(facts, 303, dict(HEADERS))
        if wants_json:
            return json_response(facts)
        return html_response(view.name, facts, frame=_frame(pages, view, visit, request))

    return answered


def _is_program(request: Request) -> bool:
    """Says whether a program asks: it sends its key itself, and does not want HTML."""
    headers = request.headers
    return "authorization" in headers and "text/html" not in headers.get("accept", "")


async def _visit(pages: Pages, request: Request) -> Visit:
    """Returns who looks, by the header `Authorization` or by the session's cookie.

    Raises:
        NotAuthenticated: neither is good, or the session's key was revoked.
    """
    asked: dict[str, Any] = {"path": request.path_params, "query": dict(request.query_params)}
    if (authorization := request.headers.get("authorization")) is not None:
        return Visit(caller=await pages.door.authenticate(authorization), **asked)
    session = pages.sessions.read(request.cookies.get(COOKIE))
    if session is None:
        raise NotAuthenticated("log in, or send a key as `Authorization: Bearer sk-sf-...`")
    key = await pages.keys.find(session.key_id)
    if key is None or key.revoked_at is not None:
        pages.sessions.end(session)
        raise NotAuthenticated("the key of this log-in was revoked")
    return Visit(caller=caller_of(key), session=session, **asked)


def _check_scope(view: View, visit: Visit) -> None:
    if not view.scopes & visit.caller.scopes:
        wanted = sorted(view.scopes)
        raise NotAllowed(
            f"this page needs a key with the scope {' or '.join(wanted)}; "
            f"`suffice keys create NAME --scope {wanted[0]}` makes one"
        )


def _check_token(pages: Pages, view: View, session: Session, form: Mapping[str, str]) -> None:
    if not pages.sessions.is_form_token(form.get("token", ""), session.nonce, view.name):
        raise NotAllowed("this form is of another log-in: load the page again", code="stale_form")


def _frame(pages: Pages, view: View | None, visit: Visit, request: Request) -> Json:
    """Returns what stands around a page's facts: navigation, who is logged in, form tokens."""
    nonce = visit.session.nonce if visit.session else ""
    path, query = request.url.path, request.url.query
    here = "" if view is None else _PARTS.get(view.name, view.name)
    return {
        "title": view.title if view else "",
        "nav": [
            {"name": other.name, "title": other.title, "path": other.path, "is_here": other.name == here}
            for other in _seen_by(visit)
        ],
        "caller": {
            "key_id": visit.caller.key_id,
            "name": visit.caller.name,
            "scopes": sorted(visit.caller.scopes),
        },
        "has_session": visit.session is not None,
        "logout_token": pages.sessions.form_token(nonce, "logout"),
        "form_token": pages.sessions.form_token(nonce, view.name) if view else "",
        "path": path,
        "json_path": f"{path}.json" + (f"?{query}" if query else ""),
    }


def _refused(
    pages: Pages, request: Request, visit: Visit | None, error: CallError, *, is_json: bool
) -> Response:
    """Returns an error as the page's reader expects it; who is not logged in is sent to do so."""
    if not is_json and isinstance(error, NotAuthenticated) and request.method == "GET":
        target = RedirectResponse(login.path_back_to(request), 303, dict(HEADERS))
        target.delete_cookie(COOKIE, path="/")
        return target
    said = {"message": error.message, "type": error.kind, "code": error.code, "param": error.param}
    if is_json:
        return _with_wait(json_response({"error": said}, status=error.status), error)
    if visit is None:
        return login.refused(pages, request, error)
    facts = {"status": error.status, "error": said, "hint": error.hint}
    frame = {**_frame(pages, None, visit, request), "title": "Error"}
    return _with_wait(html_response("error", facts, frame=frame, status=error.status), error)


def _with_wait(response: Response, error: CallError) -> Response:
    if error.retry_after_s is not None:
        response.headers["retry-after"] = str(max(1, round(error.retry_after_s)))
    return response


async def _static(request: Request) -> Response:
    try:
        raw, kind = static_files()[request.path_params["name"]]
    except KeyError:
        return json_response(
            {
                "error": {
                    "message": "no such file",
                    "type": NotFound.kind,
                    "code": NotFound.code,
                    "param": None,
                }
            },
            status=404,
        )
    headers = {**HEADERS, "content-type": kind, "cache-control": "public, max-age=31536000, immutable"}
    return Response(raw, headers=headers)
