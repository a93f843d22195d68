"""What a form sent: read within limits, from this site's own pages alone."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from suffice.serve.errors import BadCall, NotAllowed, TooLarge

_LIMIT_BYTES = 256 * 1024
_FIELDS = 300  # a form by a schema has up to 200


async def read_form(request: Request) -> Mapping[str, str]:
    """Returns the fields of a posted form, each once.

    Raises:
        TooLarge: over 256 KiB. BadCall: no form, not UTF-8, too many fields.
    """
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise BadCall("send a form: content-type application/x-www-form-urlencoded", status=415)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LIMIT_BYTES:
            raise TooLarge(f"a form may hold {_LIMIT_BYTES // 1024} KiB")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise BadCall("the form cannot be read: it must be UTF-8, URL-encoded, with few fields") from error
    return dict(pairs)


def check_origin(request: Request) -> None:
    """Refuses what another site's page, or no page, sent: browsers say where a form comes from.

    Raises:
        NotAllowed: neither `Origin` nor `Sec-Fetch-Site` says it was one of this gateway's pages.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    is_ours = site is not None or origin is not None
    if site is not None and site != "same-origin":
        is_ours = False
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        is_ours = False
    if not is_ours:
        raise NotAllowed("this form was not sent from this gateway's own page", code="cross_site")
