"""From the checked keys of a site file to the settings of the rooms: routes, tiers, paths, addresses."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from suffice import fingerprint
from suffice.errors import SpecError
from suffice.models.http.endpoint import Endpoint, Waiting
from suffice.models.http.spend import Price
from suffice.serve.observe.traces import TraceSettings
from suffice.serve.privacy.settings import PrivacySettings, read_privacy
from suffice.serve.route import Route
from suffice.serve.site.addresses import host_and_port, server_of
from suffice.serve.site.coherence import check_hosts, check_names, check_offline, check_prompts, is_host
from suffice.serve.site.places import embedded_store, usual_home
from suffice.serve.site.problem import Problem
from suffice.serve.site.schema import HumanKeys, ModelKeys, SiteFile, TraceKeys, UpstreamKeys
from suffice.serve.site.site import Audit, Served, ServerLimits, Site
from suffice.serve.store.settings import StoreSettings
from suffice.serve.tiers.upstreams.upstream_settings import TrustedLocal, UpstreamSettings


def site_from(keys: SiteFile, *, base: Path, offline: bool = False) -> Site:
    """Returns the site; relative paths start from the absolute `base`.

    Raises:
        Problem: names that clash or lead nowhere, an address that is none, a server beyond this
            machine where the site is offline.
    """
    home = _path(keys.home, base, ("home",)) if keys.home is not None else usual_home()
    host, port = _address(keys.listen, ("listen",))
    allow = tuple(
        _address(written.lower(), ("offline_allow", index))
        for index, written in enumerate(keys.offline_allow)
    )
    site = Site(
        host=host,
        port=port,
        home=home,
        routes={name: _route(name, model) for name, model in keys.models.items()},
        served=tuple(_served(keys, base)),
        upstreams=tuple(_upstreams(keys)),
        people=tuple(name for name, tier in keys.tiers.items() if isinstance(tier, HumanKeys)),
        privacy=_privacy(keys.privacy, base),
        audit=Audit(**keys.audit.model_dump()),
        limits=ServerLimits(**keys.limits.model_dump()),
        store=StoreSettings(url=_store(keys.store, home)),
        traces=None if keys.traces is None else _traces(keys.traces),
        public_url=None if keys.public_url is None else _public_url(keys.public_url),
        hosts=keys.hosts,
        offline=keys.offline or offline,
        offline_allow=allow,
        trusted_key=None if keys.trusted_key is None else _path(keys.trusted_key, base, ("trusted_key",)),
    )
    check_names(keys, site)
    check_prompts(site)
    check_hosts(site)
    if site.offline:
        check_offline(site)
    return site


def _path(written: str, base: Path, path: tuple[str | int, ...]) -> Path:
    try:
        return (base / Path(written).expanduser()).resolve()
    except (ValueError, RuntimeError, OSError) as error:  # a null byte, a user that is none, a name too long
        raise Problem(f"this is no path: {error}", path=path) from error


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # e.g. a name that is too long for the disk
        return False


def _address(written: str, path: tuple[str | int, ...]) -> tuple[str, int]:
    try:
        return host_and_port(written)
    except ValueError as error:
        raise Problem(str(error), path=path) from error


def _store(written: str, home: Path) -> str:
    if written == "sqlite":
        return embedded_store(home)
    if not written.startswith(("postgresql://", "postgresql+psycopg://")):
        raise Problem(
            f"{written!r} is no store", path=("store",), hint="write sqlite, or postgresql://user@host/name"
        )
    _check_url(written, ("store",))
    return written


def _traces(keys: TraceKeys) -> TraceSettings:
    path = ("traces", "endpoint")
    if not keys.endpoint.startswith(("http://", "https://")):
        raise Problem(
            f"{keys.endpoint!r} is no http address", path=path, hint="write http://127.0.0.1:4318/v1/traces"
        )
    _check_url(keys.endpoint, path)
    return TraceSettings(**keys.model_dump())


def _public_url(written: str) -> str:
    hint = "write https://gateway.example.com, without a path"
    parts = urlsplit(written.removesuffix("/"))
    if parts.scheme not in {"http", "https"} or f"{parts.scheme}://{parts.netloc}" != parts.geturl():
        raise Problem(f"{written!r} is no address of a server", path=("public_url",), hint=hint)
    if not is_host(parts.netloc):
        raise Problem(f"{parts.netloc[:60]!r} is no name of a host", path=("public_url",), hint=hint)
    return parts.geturl()


def _check_url(url: str, path: tuple[str, ...]) -> None:
    try:
        server_of(url)
    except ValueError as error:
        raise Problem(f"{url!r} is no address: {error}", path=path) from error


def _privacy(section: Mapping[str, Any], base: Path) -> PrivacySettings:
    try:
        privacy = read_privacy(section)
    except SpecError as error:
        dotted, _, message = error.message.partition(": ")
        raise Problem(message, path=tuple(dotted.split(".")), hint=error.hint) from error
    if privacy.names is None:
        return privacy
    path = ("privacy", "names", "bundle")
    folder = _path(privacy.names.bundle, base, path)
    if not _is_folder(folder):
        raise Problem(f"there is no folder {folder}", path=path, hint="give the folder of a run")
    return replace(privacy, names=replace(privacy.names, bundle=str(folder)))


def _route(name: str, model: ModelKeys) -> Route:
    tiers = model.tiers if model.bundle is None else (name, *model.escalate_to)
    return Route(
        name=name,
        tiers=tiers,
        escalate_below=model.escalate_below,
        novelty_above=model.novelty_above,
        system_prompts=frozenset(_prompt_hash(prompt) for prompt in model.system_prompts),
        reference=model.reference,
        hedge_after_s=model.hedge_after_s,
        timeout_s=model.timeout_s,
    )


def _prompt_hash(prompt: str) -> str:
    return prompt if re.fullmatch(r"[0-9a-f]{64}", prompt) else fingerprint.of_text(prompt)


def _served(keys: SiteFile, base: Path) -> Iterator[Served]:
    for name, model in keys.models.items():
        if model.bundle is None:
            continue
        folder = _path(model.bundle, base, ("models", name, "bundle"))
        if not _is_folder(folder):
            raise Problem(
                f"there is no folder {folder}",
                path=("models", name, "bundle"),
                hint="give the folder of a run, as `suffice run --out` named it",
            )
        yield Served(
            name=name,
            folder=folder,
            allow_uncertified=model.allow_uncertified,
            processes=model.processes,
            batch=model.batch,
            batch_wait_ms=model.batch_wait_ms,
            queue=model.queue,
        )


def _upstreams(keys: SiteFile) -> Iterator[UpstreamSettings]:
    for name, tier in keys.tiers.items():
        if isinstance(tier, UpstreamKeys):
            try:
                yield UpstreamSettings(
                    name=name,
                    endpoint=_endpoint(tier),
                    queue=tier.queue,
                    queue_s=tier.queue_s,
                    drop_params=frozenset(tier.drop_params),
                    allow_private=tier.allow_private,
                    allow_networks=tier.allow_networks,
                    trusted_local=_trusted_local(tier),
                    joules_per_call=tier.joules_per_call,
                )
            except SpecError as error:
                message = error.message.removeprefix(f"tier {name}: ")
                raise Problem(message, path=("tiers", name), hint=error.hint) from error


def _trusted_local(tier: UpstreamKeys) -> TrustedLocal:
    if tier.trusted_local is False:
        return TrustedLocal.NO
    return TrustedLocal.THIS_MACHINE if tier.trusted_local is True else TrustedLocal.PRIVATE_NETWORK


def _endpoint(tier: UpstreamKeys) -> Endpoint:
    price = None
    if tier.usd_per_1m_input is not None and tier.usd_per_1m_output is not None:
        price = Price(usd_per_1m_input=tier.usd_per_1m_input, usd_per_1m_output=tier.usd_per_1m_output)
    waiting = Waiting(
        connect_s=tier.connect_s,
        first_byte_s=tier.first_byte_s,
        idle_s=tier.idle_s,
        total_s=tier.total_s,
        attempts=tier.attempts,
    )
    return Endpoint(
        base_url=tier.base_url,
        model=tier.model,
        api_key_env=tier.api_key_env,
        price=price,
        concurrency=tier.concurrency,
        waiting=waiting,
    )
