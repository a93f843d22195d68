"""The audit log: its last signed state, and what reading it again from the first event on finds."""

from dataclasses import asdict

from suffice.serve.errors import NotFound
from suffice.web.visit import Json, Pages, View, Visit


async def facts(pages: Pages, _visit: Visit) -> Json:
    """Returns the last checkpoint; nothing is verified by only looking."""
    return await _about(pages, verification=None)


async def answer(pages: Pages, _visit: Visit) -> Json | str:
    """Returns the last checkpoint, and the result of verifying the whole log now.

    Raises:
        NotFound: this gateway keeps no audit log.
    """
    if pages.audit is None:
        raise NotFound("this gateway keeps no audit log")
    found = await pages.audit.verify()
    return await _about(pages, verification={**asdict(found), "holds": found.holds})


async def _about(pages: Pages, *, verification: Json | None) -> Json:
    last = None if pages.audit is None else await pages.audit.last()
    return {
        "now": pages.clock.now(),
        "has_log": pages.audit is not None,
        "keeps_contents": pages.site().keeps_contents,
        "checkpoint": None if last is None else asdict(last),
        "verification": verification,
    }


VIEW = View(
    name="audit", path="/audit", title="Audit log", scopes=frozenset({"admin"}), facts=facts, answer=answer
)
