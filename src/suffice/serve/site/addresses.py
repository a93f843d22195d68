"""Addresses as a site file writes them: hosts with ports, and the server of a URL."""

import re
from urllib.parse import urlsplit

_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.%\w]+)\]|(?P<name>[^\s:/@\[\]]+)):(?P<port>\d{1,5})")

_USUAL_PORTS = {"https": 443, "http": 80, "postgresql": 5432, "postgresql+psycopg": 5432}


def host_and_port(written: str) -> tuple[str, int]:
    """Returns the host, without brackets, and the port of `host:port` or `[ipv6]:port`.

    Raises:
        ValueError: it is neither.
    """
    match = _ADDRESS.fullmatch(written)
    if match is None or int(match["port"]) > 65535:
        raise ValueError(f"{written!r} is not host:port, e.g. 127.0.0.1:8321 or [::1]:8321")
    return match["six"] or match["name"], int(match["port"])


def server_of(url: str) -> tuple[str, int]:
    """Returns the host (lower case; `localhost` where the URL names none) and the port of a URL's server.

    Raises:
        ValueError: it is no URL.
    """
    parts = urlsplit(url)
    return parts.hostname or "localhost", parts.port or _USUAL_PORTS.get(parts.scheme, 0)
