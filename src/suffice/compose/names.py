"""The model that looks for names, opened from the checked bytes of its bundle; none where a site has none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from suffice.bundle import model_folder, schema_of, servers, task_of
from suffice.errors import SpecError
from suffice.models import registry
from suffice.serve.privacy.finders import Finder
from suffice.serve.privacy.names import ModelFinder, mapped, text_fields
from suffice.serve.site.site import Site
from suffice.serve.tiers.bundles.serving import BundleSettings, checked
from suffice.task import Kind

_WHERE = "privacy.names"


@asynccontextmanager
async def opened_names(site: Site) -> AsyncIterator[tuple[Finder, ...]]:
    """Opens the bundle that a site's privacy names; the gateway does not start without it.

    Raises:
        NotCertified, ArtefactError: its bytes are not those of its certificate, or it has none.
        SpecError: it is of another kind, asks servers, lacks a field, or does not answer at once.
        MissingExtra: it needs a package that is not installed.
    """
    names = site.privacy.names
    if names is None:
        yield ()
        return
    settings = BundleSettings(
        name=_WHERE,
        folder=Path(names.bundle),
        key=site.trusted_key,
        allow_uncertified=names.allow_uncertified,
    )
    _, copy = await asyncio.to_thread(checked, settings)
    try:
        _check(copy.bundle, names.bundle)
        fields = mapped(names.fields, text_fields(schema_of(copy.bundle)))
        model = await asyncio.to_thread(registry.load, model_folder(copy.bundle))
        try:
            yield (ModelFinder(model, fields),)
        finally:
            await model.close()
    finally:
        await asyncio.to_thread(copy.remove)


def _check(bundle: Path, named: str) -> None:
    """Refuses a bundle that does not extract, or that would send texts elsewhere to find names in them."""
    kind = task_of(bundle).kind
    if kind is not Kind.EXTRACT:
        raise SpecError(
            f"{_WHERE}.bundle: {named} holds a model of kind {kind}, which finds no names",
            hint="name the run of a task of kind extract (docs/privacy.md)",
        )
    if asked := servers(bundle):
        raise SpecError(
            f"{_WHERE}.bundle: {named} asks {asked[0]}: names must be found on this machine",
            hint="name a bundle whose rungs all compute here",
        )
