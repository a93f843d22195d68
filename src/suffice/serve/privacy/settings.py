"""What a site says about private data: the treatment of each class, and the limits of looking."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from suffice.errors import SpecError
from suffice.serve.event import UNINSPECTED
from suffice.serve.privacy.patterns import checked_pattern


class Treatment(StrEnum):
    """What may be done with a call that holds a class of data, mildest first."""

    ALLOW = "allow"  # sent as it is
    MASK = "mask"  # sent with placeholders in its place
    LOCAL_ONLY = "local_only"  # the whole call stays on this machine

    @property
    def rank(self) -> int:
        """Returns 0, 1, 2: the higher, the stricter."""
        return _RANKS[self]


_RANKS = {treatment: rank for rank, treatment in enumerate(Treatment)}

# Looked for unless the site says otherwise.
STANDARD_CLASSES = ("secret", "card", "iban", "national_id", "email", "phone")
# Looked for only where the site names them: `ip_address` is no secret to most, `name` needs a model.
NAME = "name"
OPTIONAL_CLASSES = ("ip_address", NAME)
COUNTRIES = ("BR", "DE", "ES", "FR", "GB", "IN", "IT", "NL", "PL", "US")


@dataclass(frozen=True, kw_only=True)
class CustomClass:
    """A class of a site's own (e.g. `phi`): found where a pattern matches or one of the words stands.

    `patterns` are regular expressions that `patterns.checked_pattern` lets through; `words` are words or
    phrases, found whole and in any case.
    """

    name: str
    patterns: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NamesSettings:
    """A local model that finds what rules cannot: the run folder of a bundle that extracts.

    `fields` gives the class of each field of its answers; none given: every field of free text is a
    `name`. A call for which it takes longer than `time_limit_ms`, or fails, counts as holding all of its
    classes, and so stays on this machine unless they are allowed.
    """

    bundle: str
    fields: Mapping[str, str] = field(default_factory=dict)
    time_limit_ms: float = 100.0
    allow_uncertified: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        """Returns the classes it looks for."""
        return tuple(dict.fromkeys(self.fields.values())) or (NAME,)


@dataclass(frozen=True, kw_only=True)
class PrivacySettings:
    """The `privacy` section of a site.

    `classes` gives the treatment by class, `default` that of classes not named there. `countries` (ISO
    3166 alpha-2) are those whose national ids are looked for, `phone_regions` those whose numbers are
    known without their country code. `restore`: replies of remote tiers get the values back where
    placeholders stand.
    What takes longer than `time_limit_ms`, or is deeper or longer than the other limits, counts as
    `uninspected` and stays on this machine, whatever the treatment of that class.
    """

    default: Treatment = Treatment.LOCAL_ONLY
    classes: Mapping[str, Treatment] = field(default_factory=dict)
    custom: tuple[CustomClass, ...] = ()
    countries: tuple[str, ...] = COUNTRIES
    phone_regions: tuple[str, ...] = COUNTRIES
    names: NamesSettings | None = None
    restore: bool = True
    time_limit_ms: float = 250.0
    depth_limit: int = 64
    characters_limit: int = 2_000_000

    def treatment(self, name: str) -> Treatment:
        """Returns what may be done with a class."""
        return self.classes.get(name, self.default)

    @property
    def model_classes(self) -> tuple[str, ...]:
        """Returns the classes that only a model finds."""
        named = () if self.names is None else self.names.classes
        by_rules = {*STANDARD_CLASSES, "ip_address", *(own.name for own in self.custom)}
        return tuple(name for name in (NAME, *named) if name not in by_rules)


def read_privacy(section: Mapping[str, Any]) -> PrivacySettings:
    """Returns the settings of a site's `privacy` section; {} gives the defaults.

    Raises:
        SpecError: an unknown key or a value that cannot be used; names the key.
    """
    section = _mapping(section, "privacy")
    _known(section, (*_READERS, "classes", "custom", "names"), "privacy")
    custom = tuple(
        _custom(name, given) for name, given in _mapping(section.get("custom", {}), "privacy.custom").items()
    )
    values = {
        key: reader(section[key], f"privacy.{key}") for key, reader in _READERS.items() if key in section
    }
    names = _names(section["names"]) if "names" in section else None
    by_model = () if names is None else names.classes
    known = (*STANDARD_CLASSES, *OPTIONAL_CLASSES, UNINSPECTED, *(own.name for own in custom), *by_model)
    classes = _classes(section.get("classes", {}), known)
    for name in by_model:  # looked for, whether it is listed or not
        classes.setdefault(name, values.get("default", Treatment.LOCAL_ONLY))
    return PrivacySettings(classes=classes, custom=custom, names=names, **values)


def _classes(given: Any, names: Sequence[str]) -> dict[str, Treatment]:
    """Returns the treatments by class; a class that nothing looks for is a mistake."""
    classes = _mapping(given, "privacy.classes")
    _known(classes, names, "privacy.classes")
    treatments = {name: _treatment(value, f"privacy.classes.{name}") for name, value in classes.items()}
    if treatments.get(UNINSPECTED) is Treatment.MASK:
        raise SpecError(
            f"privacy.classes.{UNINSPECTED}: 'mask' cannot be done with what cannot be read",
            hint="write allow or local_only",
        )
    return treatments


def _custom(name: Any, given: Any) -> CustomClass:
    """Returns a site's own class, its patterns checked."""
    where = f"privacy.custom.{name}"
    taken = (*STANDARD_CLASSES, *OPTIONAL_CLASSES, UNINSPECTED)
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii() or name in taken:
        raise SpecError(
            f"{where}: not a name for a class of your own",
            hint=f"use letters, digits and _; not one of {', '.join(taken)}",
        )
    section = _mapping(given, where)
    _known(section, ("patterns", "words"), where)
    patterns = _strings(section.get("patterns", []), f"{where}.patterns")
    words = _strings(section.get("words", []), f"{where}.words")
    for pattern in patterns:
        checked_pattern(pattern, where=f"{where}.patterns")
    if not patterns and not words:
        raise SpecError(f"{where}: neither 'patterns' nor 'words': nothing would ever be found")
    return CustomClass(name=name, patterns=patterns, words=words)


def _names(given: Any) -> NamesSettings:
    """Returns the model that looks for names: its folder alone, or with what its fields are."""
    where = "privacy.names"
    section = {"bundle": given} if isinstance(given, str) else _mapping(given, where)
    _known(section, ("bundle", "fields", "time_limit_ms", "allow_uncertified"), where)
    bundle = section.get("bundle")
    if not isinstance(bundle, str) or not bundle.strip():
        raise SpecError(f"{where}.bundle: {bundle!r} is no folder", hint="give the folder of a run")
    fields = _mapping(section.get("fields"), f"{where}.fields")
    for field_name, name in fields.items():
        is_name = isinstance(name, str) and name.isidentifier() and name.isascii()
        if not isinstance(field_name, str) or not is_name or name == UNINSPECTED:
            raise SpecError(
                f"{where}.fields.{field_name}: {name!r} is no name of a class",
                hint="map each field of the bundle's answers to a class, such as {person: name}",
            )
    return NamesSettings(
        bundle=bundle,
        fields=dict(fields),
        time_limit_ms=_positive(
            section.get("time_limit_ms", NamesSettings.time_limit_ms), f"{where}.time_limit_ms"
        ),
        allow_uncertified=_flag(
            section.get("allow_uncertified", NamesSettings.allow_uncertified), f"{where}.allow_uncertified"
        ),
    )


def _known(section: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    """Refuses keys that nobody reads."""
    for key in section:
        if key not in known:
            raise SpecError(f"{where}: unknown key {key!r}", hint=f"known: {', '.join(sorted(known))}")


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    """Returns a section; an empty one for None, as YAML reads a key without a value."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise SpecError(f"{where}: {value!r} is not a section of keys and values")
    return value


def _strings(value: Any, where: str) -> tuple[str, ...]:
    """Returns a list of texts, none of them empty."""
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise SpecError(f"{where}: {value!r} is not a list of texts")
    return tuple(value)


def _treatment(value: Any, where: str) -> Treatment:
    """Returns a treatment by its name."""
    try:
        return Treatment(value)
    except ValueError:
        raise SpecError(
            f"{where}: {value!r} is no treatment", hint=f"write one of {', '.join(Treatment)}"
        ) from None


def _countries(value: Any, where: str) -> tuple[str, ...]:
    """Returns countries of which the national ids are known."""
    countries = _strings(value, where)
    for country in countries:
        if country not in COUNTRIES:
            raise SpecError(f"{where}: {country!r} is not known here", hint=f"known: {', '.join(COUNTRIES)}")
    return countries


def _regions(value: Any, where: str) -> tuple[str, ...]:
    """Returns regions whose telephone numbers are known."""
    regions = _strings(value, where)
    for region in regions:
        if len(region) != 2 or not region.isascii() or not region.isupper():
            raise SpecError(f"{where}: {region!r} is no country code of two capital letters, such as GB")
    return regions


def _flag(value: Any, where: str) -> bool:
    """Returns a yes or no."""
    if not isinstance(value, bool):
        raise SpecError(f"{where}: {value!r} is neither true nor false")
    return value


def _positive(value: Any, where: str) -> float:
    """Returns a number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise SpecError(f"{where}: {value!r} is not a number above 0")
    return value


def _count(value: Any, where: str) -> int:
    """Returns a whole number above 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SpecError(f"{where}: {value!r} is not a whole number above 0")
    return value


_READERS: dict[str, Callable[[Any, str], Any]] = {
    "default": _treatment,
    "countries": _countries,
    "phone_regions": _regions,
    "restore": _flag,
    "time_limit_ms": _positive,
    "depth_limit": _count,
    "characters_limit": _count,
}
