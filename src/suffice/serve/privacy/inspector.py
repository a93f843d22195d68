"""Says what private data a call holds and what policy makes of it; what cannot be looked into stays."""

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import partial

from suffice.clock import Clock, SystemClock
from suffice.errors import SpecError
from suffice.serve.call import Call
from suffice.serve.event import UNINSPECTED
from suffice.serve.ports import Inspection
from suffice.serve.privacy.detect import Detector
from suffice.serve.privacy.find import Find, settled
from suffice.serve.privacy.finders import Finder, Search
from suffice.serve.privacy.mask import Placeholders
from suffice.serve.privacy.numbers import Tick
from suffice.serve.privacy.remembered import Remembered
from suffice.serve.privacy.settings import PrivacySettings, Treatment
from suffice.serve.privacy.unmask import CallRestorer
from suffice.serve.privacy.walk import Leaf, Leaves, rebuilt

_LOG = logging.getLogger(__name__)
_LEAD = 60  # signs of the text before that may say what a number is
_NOTHING = Inspection(found={})
_MASK_RANK = Treatment.MASK.rank
_STRICTEST = Treatment.LOCAL_ONLY.rank
_APART = "\n|\n"  # between two texts that are looked at together: joins no number over both


class _TimeUp(Exception):  # noqa: N818 - reads as what it is where it is caught
    """Looking took longer than the site allows."""


class PrivacyInspector:
    """Inspects calls by a site's settings (`serve.ports.Inspector`)."""

    def __init__(
        self, settings: PrivacySettings, *, clock: Clock | None = None, finders: Sequence[Finder] = ()
    ) -> None:
        """Compiles the site's patterns; `finders` look for what rules cannot find, such as names.

        Raises:
            SpecError: a pattern that cannot be used; a class that only a finder finds, without one.
        """
        found = {name for finder in finders for name in finder.classes}
        for name in settings.classes:
            if name in settings.model_classes and name not in found:
                raise SpecError(
                    f"privacy.classes.{name}: nothing here finds that: it takes a local model",
                    hint="name a bundle as privacy.names, or leave it out (docs/privacy.md)",
                )
        self._settings = settings
        self._clock = clock or SystemClock()
        self._detector = Detector(settings)
        self._finders = tuple(finders)
        self._remembered = Remembered()
        names = settings.names
        self._search_s = (settings.time_limit_ms if names is None else names.time_limit_ms) / 1000

    def inspect(self, call: Call) -> Inspection:
        """Returns what a call holds, and whether it may leave; never raises."""
        try:
            return self._inspected(call)
        except Exception as error:  # noqa: BLE001 - a call that cannot be inspected must stay, whatever went wrong
            # The error's own words may quote the text.
            _LOG.warning("a call could not be inspected and stays on this machine: %s", type(error).__name__)
            return Inspection(found={UNINSPECTED: 1}, local_only=True)

    def _inspected(self, call: Call) -> Inspection:
        """Returns what a call holds; raises where it cannot be told."""
        tick = partial(self._tick, self._deadline_s())
        leaves = Leaves(self._settings.depth_limit, self._settings.characters_limit, tick)
        leaves.take(call.body)
        search = Search(
            self._finders,
            self._remembered,
            owner=call.caller.key_id,
            clock=self._clock,
            limit_s=self._search_s,
        )
        if (
            not (search or leaves.unreadable)
            and not self._detector.may_hold(_APART.join([leaf.text for leaf in leaves.texts]))
        ):  # fmt: skip
            return _NOTHING
        finds = self._finds(leaves.texts, search, tick)
        found = Counter(find.name for each in finds.values() for find in each)
        rank = max(map(self._detector.rank, found), default=0)
        for name in search.unsure:
            found[name] += 1
            if self._detector.rank(name):
                rank = _STRICTEST  # what may be there, nobody knows where, cannot be masked
        if leaves.unreadable:
            found[UNINSPECTED] += leaves.unreadable
            rank = max(rank, self._settings.treatment(UNINSPECTED).rank)
        if any(self._is_masked(find) for leaf, each in finds.items() if leaf.is_number for find in each):
            rank = _STRICTEST  # a placeholder is no number: the call would not be what it was
        if rank != _MASK_RANK:
            return Inspection(found=found, local_only=rank == _STRICTEST)
        return self._masked(call, leaves, finds, found)

    def _finds(self, texts: Sequence[Leaf], search: Search, tick: Tick) -> dict[Leaf, list[Find]]:
        """Returns what each text holds that holds anything."""
        found: dict[Leaf, list[Find]] = {}
        before = ""
        for leaf in texts:
            lead = f"{before} {leaf.key}"
            each = self._detector.find(leaf.text, lead=lead, tick=tick)
            if search and not leaf.is_number:
                each = settled([*each, *search.find(leaf.text, leaf.key, tick)], self._detector.rank)
            if each:
                found[leaf] = [*found.get(leaf, ()), *each]
            before = f"{before} {leaf.text[-_LEAD:]}"[-_LEAD:]
        return found

    def _masked(
        self,
        call: Call,
        leaves: Leaves,
        finds: Mapping[Leaf, Sequence[Find]],
        found: Mapping[str, int],
    ) -> Inspection:
        """Returns an inspection with the body that may leave."""
        placeholders = Placeholders(leaf.text for leaf in leaves.texts)
        by_text: dict[str, list[Find]] = defaultdict(list)
        for leaf, each in finds.items():
            by_text[leaf.text] += [find for find in each if self._is_masked(find)]
        masked = {
            text: placeholders.masked(text, settled(each, self._detector.rank))
            for text, each in by_text.items()
        }
        leaves.tick()
        everywhere = placeholders.everywhere(leaves.tick)
        body = rebuilt(call.body, lambda text: everywhere(masked.get(text, text)))
        restorer = CallRestorer(placeholders.values, as_json=call.answer_schema is not None)
        return Inspection(
            found=found, masked_body=body, restorer=restorer if self._settings.restore else None
        )

    def _is_masked(self, find: Find) -> bool:
        """Says whether a find must not be sent as it is."""
        return self._detector.rank(find.name) >= _MASK_RANK

    def _deadline_s(self) -> float:
        """Returns when looking must end."""
        return self._clock.elapsed_s() + self._settings.time_limit_ms / 1000

    def _tick(self, deadline_s: float) -> None:
        """Ends looking where the time is up."""
        if self._clock.elapsed_s() > deadline_s:
            raise _TimeUp
