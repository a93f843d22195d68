"""Whose a tier is, in the words of OpenTelemetry's `gen_ai.provider.name`."""

from collections.abc import Mapping

from suffice.serve.reply import Place

LOCAL, HUMAN = "suffice", "human"
SERVERS = frozenset({Place.REMOTE, Place.TRUSTED_LOCAL})


def provider_of(tier: str, place: Place | None, remote: Mapping[str, str]) -> str:
    """Returns the provider of a tier: of a server as given by tier, else its own name; "" for none."""
    if place in SERVERS:
        return remote.get(tier, tier)
    if place is None:
        return ""
    return HUMAN if place is Place.HUMAN else LOCAL
