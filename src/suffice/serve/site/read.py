"""From a site file, or a run folder, to a `Site`; every complaint names file, line and key."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from suffice.certify.statement import BUNDLE
from suffice.errors import ArtefactError, SpecError
from suffice.readers.settings_file import Manual, explained, place_of, read_values, shown
from suffice.readers.yaml_lines import Lines
from suffice.serve.route import Route
from suffice.serve.site.addresses import host_and_port
from suffice.serve.site.build import site_from
from suffice.serve.site.places import embedded_store, store_in, usual_home
from suffice.serve.site.problem import Problem
from suffice.serve.site.schema import SiteFile
from suffice.serve.site.secrets_in import secrets_in
from suffice.serve.site.site import Served, Site

_MANUAL = Manual(
    schema=SiteFile,
    page="docs/site-file.md",
    what="site file",
    folder_hint="site.yaml",
    size_hint="a site file names run folders; it does not hold them",
    synonyms={
        "version": "suffice",
        "routes": "models",
        "model": "models",
        "upstreams": "tiers",
        "tier": "tiers",
        "bind": "listen",
        "address": "listen",
        "port": "listen",
        "database": "store",
        "db": "store",
        "url": "base_url",
        "api_base": "base_url",
        "type": "kind",
        "escalate": "escalate_to",
        "fallbacks": "escalate_to",
        "run": "bundle",
        "folder": "bundle",
        "timeout": "timeout_s",
        "allowed_hosts": "hosts",
        "max_body": "body_bytes",
    },
)


def site_of(
    place: Path | str,
    *,
    listen: str | None = None,
    offline: bool = False,
    allow_uncertified: bool = False,
    home: Path | None = None,
) -> Site:
    """Returns the site of a site file, or of a run folder: one model, named after its task.

    `listen` and `home` go before the file's; `offline` and `allow_uncertified` (for every bundle) add to it.

    Raises:
        SpecError: an unknown key, a wrong value, a secret in the file, a tier that is not there.
        ArtefactError: the folder is no run folder with a bundle.
    """
    place = Path(place)
    site = _of_folder(place) if place.is_dir() else _of_file(place, offline=offline)
    if listen is not None:
        try:
            host, port = host_and_port(listen)
        except ValueError as error:
            raise SpecError(f"--listen: {error}") from error
        site = replace(site, host=host, port=port)
    if allow_uncertified:
        served = tuple(replace(one, allow_uncertified=True) for one in site.served)
        site = replace(site, served=served)
    return replace(site if home is None else _at_home(site, home), offline=site.offline or offline)


def _at_home(site: Site, home: Path) -> Site:
    """Returns the site with another home, and with its embedded store there too."""
    home = home.expanduser().resolve()
    is_embedded = site.store.url == embedded_store(site.home)
    return replace(site, home=home, store=store_in(home) if is_embedded else site.store)


def site_from_values(
    value: Any, *, base: Path, file: str = "the site", lines: Lines | None = None, offline: bool = False
) -> Site:
    """Returns the site of a mapping, as `site_of` does for a file; relative paths start from `base`.

    Raises:
        SpecError: as `site_of`.
    """
    lines = lines or {}
    if not isinstance(value, Mapping):
        raise SpecError(
            f"{file} holds {shown(value)}, not keys with values", hint="start with `suffice: 1`, `models:`"
        )
    for path, instead in secrets_in(value):
        dotted = ".".join(str(step) for step in path)
        raise SpecError(f"{place_of(file, path, lines)}: {dotted!r} holds a secret", hint=instead)
    try:
        keys = SiteFile.model_validate(value)
    except ValidationError as error:
        raise explained(error, value, manual=_MANUAL, file=file, lines=lines) from error
    try:
        return site_from(keys, base=base.resolve(), offline=offline)
    except Problem as problem:
        dotted = ".".join(str(step) for step in problem.path)
        raise SpecError(
            f"{place_of(file, problem.path, lines)}: {dotted!r}: {problem.message}", hint=problem.hint
        ) from problem


def _of_file(path: Path, *, offline: bool) -> Site:
    value, lines = read_values(path, _MANUAL)
    if isinstance(value, Mapping) and "suffice" not in value and {"kind", "data", "bars"} <= value.keys():
        raise SpecError(
            f"{path} is a task file, not a site file",
            hint=f"type `suffice run {path}`, then `suffice serve` with the folder it names",
        )
    site = site_from_values(value, base=path.parent, file=str(path), lines=lines, offline=offline)
    return replace(site, file=path.resolve())


def _of_folder(folder: Path) -> Site:
    task = folder / BUNDLE / "task.json"
    try:
        name = str(json.loads(task.read_bytes())["name"])
    except FileNotFoundError as error:
        is_within = folder.resolve().name == BUNDLE and (folder / "task.json").is_file()
        raise ArtefactError(
            f"{folder} holds no {BUNDLE}/",
            hint=f"give the run folder around it: {folder.resolve().parent}"
            if is_within
            else "give the folder of a run that ended with exit code 0, or a site file",
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{task} is damaged: {error!r}") from error
    model = re.sub(r"\s+", "-", name.strip())
    return Site(
        host="127.0.0.1",
        port=8321,
        home=(home := usual_home()),
        routes={model: Route(name=model, tiers=(model,))},
        served=(Served(name=model, folder=folder.resolve()),),
        store=store_in(home),
    )
