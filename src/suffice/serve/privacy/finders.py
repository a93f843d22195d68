"""Asks finders, such as a local model of names, where a call's texts hold what no rule tells."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Protocol

from suffice.clock import Clock
from suffice.serve.privacy.find import Find
from suffice.serve.privacy.numbers import Tick
from suffice.serve.privacy.remembered import Remembered
from suffice.serve.privacy.views import views

_LOG = logging.getLogger(__name__)


class Finder(Protocol):
    """Finds some classes of data by other means than rules, e.g. names by a local model."""

    @property
    def classes(self) -> Sequence[str]:
        """Returns the classes it looks for, e.g. `name`."""
        ...

    def find(self, text: str, key: str, tick: Tick) -> Iterable[Find]:
        """Returns what a text has of these classes.

        `key` is the name under which the text stands in the client's JSON, such as `content`. `tick` is to
        be called every few milliseconds; it raises where the time is up. What this raises means that the
        text may hold any of the classes.
        """
        ...


class _TooSlow(Exception):  # noqa: N818 - reads as what it is where it is caught
    """The finders used up their time for this call."""


class Search:
    """One call's search. `unsure` are the classes of finders that failed or took too long.

    Those are not asked again for this call: it may hold anything they look for.
    """

    def __init__(
        self, finders: Sequence[Finder], remembered: Remembered, *, owner: str, clock: Clock, limit_s: float
    ) -> None:
        """Takes the finders, what they found before, whose call it is, and the time all may take for it."""
        self.unsure: set[str] = set()
        self._finders = list(finders)
        self._remembered = remembered
        self._owner = owner
        self._clock = clock
        self._left_s = limit_s

    def __bool__(self) -> bool:
        """Says whether there is anything to ask."""
        return bool(self._finders)

    def find(self, text: str, key: str, tick: Tick) -> list[Find]:
        """Returns what the finders see in any reading of a text that stands under a key.

        Raises:
            Exception: what `tick` raises, which is called after each finder.
        """
        if not self._finders:
            return []
        known_as = self._remembered.name_of(self._owner, key, text)
        known = self._remembered.recall(known_as)
        if known is not None:
            return list(known)
        finds = [
            Find(*view.span(start, end), name)
            for view in views(text, tick)
            for start, end, name in self._found(view.text, key, tick)
        ]
        if not self.unsure:
            self._remembered.keep(known_as, finds)
        return finds

    def _found(self, text: str, key: str, tick: Tick) -> Iterator[Find]:
        for finder in tuple(self._finders):
            began_s = self._clock.elapsed_s()
            try:
                yield from list(finder.find(text, key, partial(self._tick, began_s)))
            except Exception as error:  # noqa: BLE001 - whatever went wrong, the text may hold what it looks for
                # The error's own words may quote the text.
                _LOG.warning(
                    "a call is taken to hold %s: its finder stopped by %s",
                    ", ".join(finder.classes),
                    type(error).__name__,
                )
                self.unsure.update(finder.classes)
                self._finders.remove(finder)
            self._left_s -= self._clock.elapsed_s() - began_s
            tick()

    def _tick(self, began_s: float) -> None:
        """Ends a finder's work where the time for finders is up."""
        if self._clock.elapsed_s() - began_s > self._left_s:
            raise _TooSlow
