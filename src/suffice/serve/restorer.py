"""What puts a client's own values back where a reply of a remote tier has placeholders for them."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol


class Restorer(Protocol):
    """Knows one call's placeholders, for as long as the call lives; never shown, never kept."""

    def text(self, text: str) -> str:
        """Returns a text with the values in place of the placeholders."""
        ...

    def payload(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Returns a server's whole JSON reply with the values put back; tool arguments stay valid JSON."""
        ...

    def chunks(self, chunks: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[Mapping[str, Any]]:
        """Returns a stream's chunks with the values put back, also where a placeholder is split over some.

        Closing it closes the stream it reads; an error of the stream comes through as it is.
        """
        ...
