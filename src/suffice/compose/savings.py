"""What the model that a route stands in for would have cost for the same call."""

from collections.abc import Mapping

from suffice.compose.tiers import Tiers
from suffice.models.http.spend import Price, tokens_of_text
from suffice.serve.call import Operation
from suffice.serve.case import Case
from suffice.serve.gateway import ReferenceCost
from suffice.serve.reply import Reply
from suffice.serve.route import Route
from suffice.serve.site.site import Site
from suffice.serve.tiers.bundles.bundle_tier import BundleTier


def reference_cost(site: Site, tiers: Tiers) -> ReferenceCost:
    """Returns the function that prices a call at its route's reference, in US dollars.

    The price is that of the tier the site names as `reference`, else of the reference of the task that
    a bundle was certified for. Tokens are those of the reply; where the tier that answered counts
    none, as most local rungs, they are estimated from the texts' bytes (`tokens_of_text`).
    """
    prices: Mapping[str, Price | None] = {name: _price(route, tiers) for name, route in site.routes.items()}

    def cost(route: Route, case: Case) -> float | None:
        if case.operation is Operation.EMBEDDING:
            return None  # what a model that writes would take for vectors is no price of anything
        price, reply = prices.get(route.name), case.reply
        if price is None or reply is None or case.call is None:
            return None
        read, written = reply.usage.input_tokens, reply.usage.output_tokens
        if read is None:
            request = case.call.request
            read = tokens_of_text("".join(turn.content for turn in request.messages) or request.text)
        if written is None:
            text = reply.text if isinstance(reply, Reply) else None
            if text is None:
                return None
            written = tokens_of_text(text)
        return price.cost_usd(input_tokens=read, output_tokens=written)

    return cost


def _price(route: Route, tiers: Tiers) -> Price | None:
    if route.reference is not None and (server := tiers.upstreams.get(route.reference)) is not None:
        return server.price
    bundle = tiers.bundles.get(route.tiers[0])
    return None if bundle is None else _task_price(bundle)


def _task_price(bundle: BundleTier) -> Price | None:
    """Returns the price of the reference that a bundle's task names; None where it has none."""
    reference = bundle.spec.reference
    if reference is None or reference.usd_per_1m_input is None or reference.usd_per_1m_output is None:
        return None
    return Price(usd_per_1m_input=reference.usd_per_1m_input, usd_per_1m_output=reference.usd_per_1m_output)
