"""Where an OpenAI-compatible server is, how long to wait for it, and when it may be asked at all."""

import ipaddress
import math
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from suffice.errors import ModelError, SpecError
from suffice.models.http.spend import Price

# The package's own switch, obeyed by every model and every child process; tests set it.
OFFLINE_SWITCH = "SUFFICE_OFFLINE"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """How long each part of a call may take (seconds), and how often it is tried.

    `idle_s` is the longest pause within a reply. A call is tried again only while not one byte of
    a reply has come, after a refused connection or a status that says "later".
    """

    connect_s: float = 10.0
    first_byte_s: float = 60.0
    idle_s: float = 30.0
    total_s: float = 120.0
    attempts: int = 4
    backoff_s: float = 0.5
    longest_pause_s: float = 60.0

    def __post_init__(self) -> None:
        for name in ("connect_s", "first_byte_s", "idle_s", "total_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise SpecError(f"{name} must be a number of seconds above 0, not {value!r}")
        if self.attempts < 1:
            raise SpecError(f"attempts must be at least 1, not {self.attempts!r}")


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One model at one server. The key itself is never held: only the name of its variable.

    `prompt` is the system message instead of the usual one; `{labels}` in it stands for the labels.
    """

    base_url: str
    model: str
    api_key_env: str | None = None
    price: Price | None = None
    concurrency: int = 8
    max_output_tokens: int | None = None
    temperature: float | None = 0.0
    seed: int | None = 0
    logprobs: bool = False
    prompt: str | None = None
    waiting: Waiting = Waiting()

    def __post_init__(self) -> None:
        check_url(self.base_url)
        if self.api_key_env is not None and not is_private_way(self.base_url):
            raise SpecError(
                f"base_url would send the key in {self.api_key_env} over http, for all to read",
                hint="use https",
            )
        if self.concurrency < 1:
            raise SpecError(f"concurrency must be at least 1, not {self.concurrency!r}")

    @property
    def url(self) -> str:
        """Returns where chats are sent."""
        return self.base_url.rstrip("/") + "/chat/completions"

    @property
    def host(self) -> str:
        """Returns the host's name, which is all of the URL that messages show."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def is_loopback(self) -> bool:
        """Says whether the server runs on this machine, where asking is free."""
        return is_loopback(self.host)

    def api_key(self) -> str | None:
        """Returns the key from the environment, or None where the endpoint needs none.

        Raises:
            ModelError: the named variable is empty or missing.
        """
        if self.api_key_env is None:
            return None
        key = os.environ.get(self.api_key_env, "").strip()
        if not key:
            raise ModelError(
                f"the key of {self.host} should be in the variable {self.api_key_env}, which is empty",
                hint=f"export {self.api_key_env}=...",
            )
        return key


def check_url(base_url: str) -> None:
    """Refuses what is no plain http(s) address of a server.

    Raises:
        SpecError: another scheme, no host, credentials in the address, or a link-local host
            (cloud machines hand out their own credentials there).
    """
    try:
        parts = urlsplit(base_url)
        host, has_password = parts.hostname, "@" in parts.netloc
        _ = parts.port  # raises where it is no number
    except ValueError as error:
        raise SpecError(f"base_url is no address: {error}") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise SpecError(
            f"base_url must look like https://host/v1, not {parts.scheme or 'no scheme'}://{host}"
        )
    if has_password:
        raise SpecError("base_url holds a name or password", hint="put the key in api_key_env's variable")
    if parts.query or parts.fragment:
        raise SpecError("base_url must end with its path: no ? and no #")
    if (address := _address(host)) is not None and address.is_link_local:
        raise SpecError(f"base_url names the link-local host {host}: no model is served there")


def is_private_way(base_url: str) -> bool:
    """Says whether nobody outside can read what is sent: by https, or within one's own network.

    A name without a dot, or of a domain that exists only inside, is one's own network's.
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return True
    if (address := _address(host)) is not None:
        return address.is_private
    return "." not in host or host.endswith((".local", ".internal", ".lan"))


def is_loopback(host: str) -> bool:
    """Says whether a host's name or address is this machine."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def is_offline(*, asked: bool) -> bool:
    """Says whether only loopback may be reached: asked for, or by the variable SUFFICE_OFFLINE."""
    return asked or os.environ.get(OFFLINE_SWITCH, "") not in {"", "0"}


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
