"""A site's gateway that never leaves a failing server alone, so that every garbled stream is really read.

Run as `python -m bench.gateway.without_breaker SITE`.
"""

import sys
from dataclasses import replace
from pathlib import Path

from suffice.clock import SystemClock
from suffice.compose.serving import serve
from suffice.serve.site.read import site_of
from suffice.serve.tiers.upstreams.breaker import BreakerSettings

_NEVER = BreakerSettings(in_a_row=10**9, least_calls=10**9)


def main() -> None:
    """Serve until SIGTERM."""
    site = site_of(Path(sys.argv[1]))
    patient = tuple(replace(server, breaker=_NEVER) for server in site.upstreams)
    serve(replace(site, upstreams=patient), clock=SystemClock(), heard=lambda _: None)


if __name__ == "__main__":
    main()
