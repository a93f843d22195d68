"""Finds private data of every class in one text: a quick look that is often wrong, then the detectors."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from suffice.errors import SpecError
from suffice.serve.privacy.address import emails, ip_addresses
from suffice.serve.privacy.card import cards, odd_cards
from suffice.serve.privacy.credential import secrets
from suffice.serve.privacy.find import Find, settled
from suffice.serve.privacy.glance import ADDRESS, NUMBER, ODD_NUMBER, SECRET, glance
from suffice.serve.privacy.iban import ibans
from suffice.serve.privacy.national_id import fiscal_codes, kinds_of, national_ids
from suffice.serve.privacy.numbers import Tick, odd_runs, runs
from suffice.serve.privacy.patterns import checked_pattern
from suffice.serve.privacy.phone import odd_phones, phones, regions_of
from suffice.serve.privacy.settings import CustomClass, PrivacySettings
from suffice.serve.privacy.views import is_plain, views

_WORD = re.compile(r"\w+")


class Detector:
    """Finds what a site looks for; the same for every text, safe to share."""

    def __init__(self, settings: PrivacySettings) -> None:
        """Compiles the site's patterns.

        Raises:
            SpecError: a pattern that cannot be used.
        """
        self._settings = settings
        self._rank = settings.default.rank
        self._ranks = {name: treatment.rank for name, treatment in settings.classes.items()}
        self._kinds = kinds_of(settings.countries)
        self._regions = regions_of(settings.phone_regions)
        self._custom = tuple(_custom_finder(own) for own in settings.custom)
        self._looks_for_ips = "ip_address" in settings.classes
        self._must_look = bool(self._custom or self._looks_for_ips)

    def rank(self, name: str) -> int:
        """Returns how strict the treatment of a class is: 0 allow, 1 mask, 2 local_only."""
        return self._ranks.get(name, self._rank)

    def may_hold(self, text: str) -> bool:
        """Says whether there is any need to look closer; never no where there would be a find."""
        if self._must_look or not is_plain(text):
            return True
        return glance(text) != 0

    def find(self, text: str, *, lead: str = "", tick: Tick = lambda: None) -> list[Find]:
        """Returns what a text holds, in order, nothing overlapping; `lead` is what came before it.

        Raises:
            Exception: what `tick` raises.
        """
        found: list[Find] = []
        for view in views(text, tick):
            tick()
            for start, end, name in self._found(view.text, lead, tick):
                found.append(Find(*view.span(start, end), name))
        return settled(found, self.rank) if found else found

    def _found(self, text: str, lead: str, tick: Tick) -> Iterator[Find]:
        """Returns the finds of every detector in one reading of a text."""
        seen = glance(text)
        known = list(secrets(text, tick)) if seen & SECRET else []
        yield from known
        if seen & ADDRESS:
            for email in emails(text, tick):
                if all(email.end <= secret.start or secret.end <= email.start for secret in known):
                    yield email  # and not the password before a host
        if seen & NUMBER:
            yield from self._numbers(text, lead, tick)
        if seen & ODD_NUMBER:
            for run in odd_runs(text, tick):
                yield from odd_cards(run)
                yield from odd_phones(run)
        if self._looks_for_ips:
            yield from ip_addresses(text, tick)
        for name, find in self._custom:
            tick()
            yield from (Find(start, end, name) for start, end in find(text))

    def _numbers(self, text: str, lead: str, tick: Tick) -> Iterator[Find]:
        """Returns cards, accounts, national ids and telephone numbers; none within a card or an account."""
        sure = list(ibans(text, tick))
        numbers = list(runs(text, tick))
        for run in numbers:
            sure.extend(cards(run))
        yield from sure
        if "IT" in self._settings.countries:
            yield from fiscal_codes(text, tick)
        for run in numbers:
            if any(find.start <= run.start and run.end <= find.end for find in sure):
                continue
            found = list(phones(run, self._regions, lead))
            if not any(text[find.start] == "+" and find.end == run.end for find in found):
                found.extend(national_ids(run, self._kinds, lead))
            for find in found:
                if all(find.end <= other.start or other.end <= find.start for other in sure):
                    yield find


def _custom_finder(own: CustomClass) -> tuple[str, Callable[[str], Iterable[tuple[int, int]]]]:
    """Returns a site's own class with what finds it."""
    where = f"privacy.custom.{own.name}.patterns"
    patterns = [checked_pattern(pattern, where=where) for pattern in own.patterns]
    phrases: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for words in own.words:
        phrase = tuple(_WORD.findall(words.lower()))
        if not phrase:
            raise SpecError(f"privacy.custom.{own.name}.words: {words!r} holds no word")
        phrases[phrase[0]].append(phrase)

    def find(text: str) -> Iterator[tuple[int, int]]:
        for pattern in patterns:
            for match in pattern.finditer(text):
                yield match.span()
        if phrases:
            yield from _phrases(text, phrases)

    return own.name, find


def _phrases(text: str, phrases: dict[str, list[tuple[str, ...]]]) -> Iterator[tuple[int, int]]:
    """Returns where phrases stand in a text, word by word, in any case."""
    words = [(match.group().lower(), *match.span()) for match in _WORD.finditer(text)]
    for place, (word, start, _) in enumerate(words):
        for phrase in phrases.get(word, ()):
            part = words[place : place + len(phrase)]
            if tuple(each[0] for each in part) == phrase:
                yield start, part[-1][2]
