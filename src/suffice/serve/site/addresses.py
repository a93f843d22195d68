"""Addresses as a site file writes them: host and port."""

import re

_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.%\w]+)\]|(?P<name>[^\s:/@\[\]]+)):(?P<port>\d{1,5})")


def host_and_port(written: str) -> tuple[str, int]:
    """Returns the host, without brackets, and the port of `host:port` or `[ipv6]:port`.

    Raises:
        ValueError: it is neither.
    """
    match = _ADDRESS.fullmatch(written)
    if match is None or int(match["port"]) > 65535:
        raise ValueError(f"{written!r} is not host:port, e.g. 127.0.0.1:8321 or [::1]:8321")
    return match["six"] or match["name"], int(match["port"])
