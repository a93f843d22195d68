"""Which tiers of a route a call may be given to. Only the site, policy and headers say so, never a text."""

from collections.abc import Sequence

from suffice.serve.call import Call
from suffice.serve.errors import BadCall, CallError, NotAllowed
from suffice.serve.ports import Tier
from suffice.serve.reply import Place

_SCOPE = "tiers"
_STAYS = "the call stays on this machine"
_NO_PEOPLE = "the call is not for people"


def refusals(tiers: Sequence[Tier], call: Call) -> list[str]:
    """Returns for each tier why the call may not be given to it, "" where it may.

    Raises:
        NotAllowed: the call wishes for a tier, and its key lacks the scope `tiers`.
        BadCall: it wishes for a tier that the route has not.
    """
    first = 0 if call.wishes.skip_to is None else _first(tiers, call)
    if first == 0:
        return [_refusal(tier, call) for tier in tiers]
    return [
        "the client asks a later tier" if n < first else _refusal(tier, call) for n, tier in enumerate(tiers)
    ]


def nobody_may(call: Call, reasons: Sequence[str]) -> CallError:
    """Returns the error of a call that may be given to no tier, by the reasons of the tiers."""
    if _STAYS in reasons:
        return NotAllowed(f"{_why_it_stays(call)}; no tier on this machine can answer it")
    if _NO_PEOPLE in reasons:
        return NotAllowed("only people answer here, and the call is not for them")
    needs = ", ".join(sorted(call.needs))
    return BadCall(f"no tier of {call.route} can do what the call needs: {needs}")


def _why_it_stays(call: Call) -> str:
    """Returns why a call may not leave, in words for who sent it: kinds of data, never the data."""
    found = f" (found in it: {', '.join(sorted(call.data_classes))})" if call.data_classes else ""
    by = "as its x-suffice-local-only says" if call.wishes.local_only else "by the site's privacy policy"
    return f"the call must stay on this machine, {by}{found}"


def _first(tiers: Sequence[Tier], call: Call) -> int:
    """Returns the number of the tier that the call wishes to begin at."""
    wanted = call.wishes.skip_to
    if not call.caller.scopes & {_SCOPE, "admin"}:
        raise NotAllowed(f"to choose a tier, a key needs the scope {_SCOPE!r}")
    names = [tier.name for tier in tiers]
    if wanted not in names:
        raise BadCall(f"{call.route} has no tier {wanted!r}, but: {', '.join(names)}")
    return names.index(wanted)


def _refusal(tier: Tier, call: Call) -> str:
    if tier.place is Place.REMOTE:
        return _STAYS if call.local_only or call.wishes.local_only else ""
    if tier.place is Place.TRUSTED_LOCAL:
        return ""  # a server, so it can do what servers can; and what it is given stays
    if tier.place is Place.HUMAN and call.wishes.no_people:
        return _NO_PEOPLE
    return f"it cannot do what the call needs: {', '.join(sorted(call.needs))}" if call.needs else ""
