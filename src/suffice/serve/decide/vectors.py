"""Which tier makes a route's vectors: always the same one, since those of two models cannot be compared."""

from collections.abc import Collection
from dataclasses import replace

from suffice.serve.call import Call, Operation
from suffice.serve.errors import BadCall
from suffice.serve.gateway import Walk as AnyWalk
from suffice.serve.reply import Outcome
from suffice.serve.route import Route


class VectorWalk:
    """A walk that asks one tier alone for vectors: the route's first that makes any.

    Nobody takes its place where it fails, and no threshold of the route applies: vectors are not right or
    wrong. What else is asked for takes the usual way.
    """

    def __init__(self, usual: AnyWalk, vectors: AnyWalk, *, makers: Collection[str]) -> None:
        self._usual = usual
        self._vectors = vectors
        self._makers = makers

    async def __call__(self, route: Route, call: Call) -> Outcome:
        """Returns how the call ended.

        Raises:
            CallError: no tier of the route makes vectors, or the one that does failed; as the usual walk.
        """
        if call.operation is not Operation.EMBEDDING:
            return await self._usual(route, call)
        maker = next((name for name in route.tiers if name in self._makers), None)
        if maker is None:
            raise _no_vectors(route)
        alone = replace(route, tiers=(maker,), escalate_below=None, novelty_above=None, hedge_after_s=None)
        return await self._vectors(alone, replace(call, wishes=replace(call.wishes, escalate_below=None)))


def _no_vectors(route: Route) -> BadCall:
    error = BadCall(f"{route.name} makes no vectors: none of its tiers has a sentence encoder", param="model")
    error.steps = ()
    return error
