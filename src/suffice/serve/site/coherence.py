"""Whether what a site file names is there, once, and may be reached."""

import difflib
import re
from collections.abc import Iterable

from suffice.models.http.endpoint import is_loopback
from suffice.serve.site.addresses import server_of
from suffice.serve.site.problem import Problem
from suffice.serve.site.schema import ModelKeys, SiteFile
from suffice.serve.site.site import Site

# What every header and every address can carry.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
# With the port it may have.
_HOST = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")


def check_names(keys: SiteFile, site: Site) -> None:
    """Refuses names that headers cannot carry or that clash, and tiers that are not there.

    Raises:
        Problem: the first of them.
    """
    _check_letters("models", keys.models)
    _check_letters("tiers", keys.tiers)
    known = site.tier_names
    for served in site.served:
        if known.count(served.name) > 1:
            raise Problem(
                "a bundle is the tier of its model's name, and another tier has that name",
                path=("tiers", served.name),
                hint="name one of them otherwise",
            )
    for name, model in keys.models.items():
        _check_tiers(name, model, known)


def check_prompts(site: Site) -> None:
    """Refuses one system prompt for two models.

    Raises:
        Problem: names both.
    """
    owner: dict[str, str] = {}
    for route in site.routes.values():
        for prompt in sorted(route.system_prompts):
            if prompt in owner:
                raise Problem(
                    f"model {owner[prompt]!r} has the same system prompt",
                    path=("models", route.name, "system_prompts"),
                )
            owner[prompt] = route.name


def check_hosts(site: Site) -> None:
    """Refuses what cannot stand in a Host header: addresses with a path or a scheme.

    Raises:
        Problem: the first of them.
    """
    for index, host in enumerate(site.hosts):
        if not is_host(host):
            raise Problem(
                f"{host[:60]!r} is no name of a host",
                path=("hosts", index),
                hint="write gateway.example.com, or gateway.example.com:8443",
            )


def is_host(name: str) -> bool:
    """Says whether a Host header could hold it: a name or an address, with or without a port."""
    try:
        return _HOST.fullmatch(name) is not None and bool(name.encode("idna"))
    except UnicodeError:
        return False


def check_offline(site: Site) -> None:
    """Refuses servers on other machines that are not listed: an offline site cannot reach them.

    Raises:
        Problem: names the first.
    """
    named: list[tuple[tuple[str, ...], str]] = [
        (("tiers", upstream.name, "base_url"), upstream.endpoint.base_url) for upstream in site.upstreams
    ]
    if not site.store.url.startswith("sqlite"):
        named.append((("store",), site.store.url))
    if site.traces is not None:
        named.append((("traces", "endpoint"), site.traces.endpoint))
    for path, url in named:
        host, port = server_of(url)
        if not is_loopback(host) and not site.is_listed(url):
            raise Problem(
                f"{host} is another machine, and the site is offline",
                path=path,
                hint=f"list {host}:{port} under offline_allow, or leave it out",
            )


def _check_letters(kind: str, names: Iterable[str]) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise Problem(
                "a name has letters, digits and ._:/- only, and begins with a letter or digit",
                path=(kind, name),
            )


def _check_tiers(name: str, model: ModelKeys, known: tuple[str, ...]) -> None:
    key, tiers = ("tiers", model.tiers) if model.bundle is None else ("escalate_to", model.escalate_to)
    for index, tier in enumerate(tiers):
        if tier not in known:
            raise Problem(
                f"there is no tier {tier!r}", path=("models", name, key, index), hint=_near(tier, known)
            )
    whole = tiers if model.bundle is None else (name, *tiers)
    if len(set(whole)) < len(whole):
        raise Problem("a tier is named twice", path=("models", name, key))
    if model.reference is not None and model.reference not in known:
        raise Problem(
            f"there is no tier {model.reference!r}",
            path=("models", name, "reference"),
            hint=_near(model.reference, known),
        )


def _near(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"the tiers are {', '.join(known) or 'none'}"
