"""The header `traceparent`, for gateways that pass traces on without making spans of their own.

Source: W3C Trace Context, level 1, sections 3.2 and 4.3.
"""

import re

_VERSION_00 = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def passed_on(traceparent: str | None) -> str:
    """Returns the header as it goes to servers: unchanged where it is valid, else ""."""
    return traceparent if traceparent and _VERSION_00.fullmatch(traceparent) else ""
