"""A bundle as it is being served: its proof, the copy of its bytes, what computes and who waits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from suffice.bundle import cascade_of, labels_of, reads_chats, schema_of, servers, task_of
from suffice.cascade import Cascade
from suffice.clock import Clock
from suffice.ports import Answer, Request
from suffice.readers.spec import Spec
from suffice.serve.reply import Place
from suffice.serve.tiers.bundles.batching import Batcher, Batching
from suffice.serve.tiers.bundles.certified import Certified, certified
from suffice.serve.tiers.bundles.engine import Engine, ThreadEngine
from suffice.serve.tiers.bundles.private_copy import PrivateCopy, taken
from suffice.serve.tiers.bundles.workers import Workers
from suffice.task import Kind


@dataclass(frozen=True, kw_only=True)
class BundleSettings:
    """How one bundle is served.

    `name` is the tier's; `folder` the run folder. `key` is a PEM file with the public key whose certificates
    count, this user's own where it is None. `processes`: 0 computes in a thread of the gateway, more in
    as many processes. `workplace` is where the bundle's bytes are copied to.
    """

    name: str
    folder: Path
    key: Path | None = None
    allow_uncertified: bool = False
    processes: int = 0
    batching: Batching = field(default_factory=Batching)
    workplace: Path | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Serving:
    """One opened bundle. `place` is REMOTE where a rung asks a server, LOCAL where all compute here.

    `labels` are those its rungs choose from, () where the task is no choice among labels;
    `answer_schema` is what its answers fit where it extracts, given or inferred. `reads_chats`:
    it was measured on chats with their turns, not on texts alone.
    """

    certified: Certified
    spec: Spec
    cascade: Cascade
    place: Place
    engine: Engine
    batcher: Batcher[Request, Answer]
    copy: PrivateCopy
    reads_chats: bool
    labels: tuple[str, ...] = ()
    answer_schema: Mapping[str, Any] | None = None

    async def close(self) -> None:
        """Releases everything, after the last request that was asked is answered."""
        await self.batcher.drain()
        await self.engine.close()
        await asyncio.to_thread(self.copy.remove)


async def open_serving(settings: BundleSettings, *, clock: Clock | None = None) -> Serving:
    """Returns the bundle of a run folder, opened from bytes that were checked against its certificate.

    Raises:
        NotCertified: no certificate that holds (see `certified`).
        ArtefactError: a file of the bundle is missing, new, changed or damaged.
        MissingExtra: a rung needs a package that is not installed.
        OutputError: the bytes cannot be copied.
    """
    proof, copy = await asyncio.to_thread(checked, settings)
    try:
        spec, chats = task_of(copy.bundle), reads_chats(copy.bundle)
        labels = labels_of(copy.bundle) if spec.kind is Kind.CLASSIFY else ()
        schema = _schema(copy.bundle, spec) if spec.kind is Kind.EXTRACT else None
        if settings.processes:
            engine: Engine = await Workers.opened(copy.bundle, count=settings.processes, name=settings.name)
        else:
            engine = await ThreadEngine.opened(copy.bundle, name=settings.name)
    except BaseException:
        copy.remove()
        raise
    return Serving(
        certified=proof,
        spec=spec,
        cascade=cascade_of(copy.bundle),
        place=Place.REMOTE if servers(copy.bundle) else Place.LOCAL,
        engine=engine,
        batcher=Batcher(
            engine.answer, settings.batching, name=settings.name, slots=engine.slots, clock=clock
        ),
        copy=copy,
        reads_chats=chats,
        labels=labels,
        answer_schema=schema,
    )


def _schema(bundle: Path, spec: Spec) -> Mapping[str, Any] | None:
    """Returns the schema of an extractor's answers: the task's, else what its rungs were made with."""
    return spec.answer_schema or schema_of(bundle) or None


def checked(settings: BundleSettings) -> tuple[Certified, PrivateCopy]:
    """Returns what a run folder proves, and the copy of its bundle's bytes; takes as long as copying does.

    Raises:
        NotCertified, ArtefactError, OutputError: as `open_serving`.
    """
    proof = certified(settings.folder, key=settings.key, allow_uncertified=settings.allow_uncertified)
    return proof, taken(proof, workplace=settings.workplace)
