"""What can go wrong with one exchange, before anybody looks at what a reply says.

HttpFailed
├── AddressesRefused      every address of the host is one that may not be connected to
├── NotConnected          no address took the connection
│   ├── ConnectTimedOut   none did in time
│   └── NotTrusted        the server's certificate is not one for its name
├── BrokenOff             the connection ended before the reply did
├── NoReply               what came is no reply of HTTP/1.1, or breaks a limit of this client
└── ReplyTooLarge         a body of more bytes than asked for
"""

from suffice.errors import SufficeError


class HttpFailed(SufficeError):  # noqa: N818 - reads as what it is where it is caught
    """An exchange that brought no whole reply; the message names no address and quotes no byte that came."""

    def again(self) -> "HttpFailed":
        """Returns the failure anew: one that was raised knows the frames that know it."""
        return type(self)(self.message)


class AddressesRefused(HttpFailed):
    """Every address of the host is refused; the message says why the last one is."""


class NotConnected(HttpFailed):
    """No address of the host took a connection."""


class ConnectTimedOut(NotConnected):
    """No address of the host took a connection in time."""


class NotTrusted(NotConnected):
    """The server's certificate cannot be trusted, or is for another name."""


class BrokenOff(HttpFailed):
    """The connection ended before the reply did."""


class NoReply(HttpFailed):
    """The bytes that came are no reply of HTTP/1.1, or are more framing than any server needs."""


class ReplyTooLarge(HttpFailed):
    """The reply's body has more bytes than the reader takes."""
