"""Does an audit log hold? Every check that was made, and what no check can see."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from suffice.certify.verify import Check
from suffice.errors import ArtefactError, NotCertified
from suffice.serve.audit import checkpoints, exported, pruned
from suffice.serve.audit.checkpoints import Checkpoint
from suffice.serve.audit.pruned import Pruned, Removal
from suffice.serve.audit.records import Kind
from suffice.serve.audit.segments import lines, segments
from suffice.serve.audit.walk import CERTIFICATES, CHAIN, CHECKPOINTS, SEGMENTS, Record, Walk

_MEANS = {
    SEGMENTS: "every file of the log is there and goes on where the one before it ends",
    CHAIN: "no record was changed, left out, put in or moved",
    CHECKPOINTS: "every checkpoint is signed by the trusted key and fits the records before it",
    CERTIFICATES: "every answer names a certificate that was in use when it was given",
}


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What was found.

    The log holds if every check is met. `notes` are worth knowing, `blind` is what these checks
    cannot see. `signed_seq` is the last record that a signature vouches for, -1 for none; records after it
    are chained, but who can write the file could have made them.
    """

    checks: tuple[Check, ...]
    notes: tuple[str, ...]
    blind: tuple[str, ...]
    log: str
    records: int
    events: int
    first_seq: int
    last_seq: int
    first_at: datetime | None
    last_at: datetime | None
    signed_seq: int
    signed_at: str
    head: str
    pruned: tuple[Removal, ...] = ()

    @property
    def holds(self) -> bool:
        """Says whether every check is met."""
        return all(check.is_met for check in self.checks)


def verify(
    place: Path,
    trusted: Ed25519PublicKey,
    *,
    anchor: Path | None = None,
    visit: Callable[[Record], None] = lambda _record: None,
) -> Verification:
    """Returns every check made on the log in a folder, or on an exported file.

    Without `anchor` the one that the log itself names is taken. `visit` is shown every record.

    Raises:
        ArtefactError: there is no log.
    """
    walk = Walk(trusted=trusted, visit=visit)
    if place.is_file():
        return _told(walk, [exported.check(place, walk)], anchor_check=None)
    past = _begun(walk, place)
    named = _Named()
    named.anchor = None if past is None else Path(past.anchor)
    walk.visit = named.beside(walk.visit)
    # A gateway may be writing. What the anchor vouches for is in the log before the anchor says so: the
    # anchor is read in the middle, and the log then to its end.
    try:
        read = _read_on(place, walk, {}, is_end=False)
        at = anchor or named.anchor
        envelope = _read(at)
        _read_on(place, walk, read, is_end=True)
    except FileNotFoundError as error:
        hint = "if it is being pruned, try again when that has ended"
        raise ArtefactError(f"{error.filename} went away while it was read", hint=hint) from error
    told = _told(walk, [], anchor_check=_anchor_check(walk, at, envelope))
    return told if past is None else _beside(told, past)


def _read_on(place: Path, walk: Walk, read: dict[Path, int], *, is_end: bool) -> dict[Path, int]:
    """Walks through what follows the bytes that were read of each file, and returns how many are now.

    The last file's last line is left for later where it has no end yet, unless this is the end.
    """
    *before, last = segments(place, after=walk.pruned_segment).values()
    done = dict(read)
    for path in (*before, last):
        for line in lines(path, after_bytes=read.get(path, 0)):
            if path == last and not is_end and not line.endswith(b"\n"):
                break
            walk.line(line)
            done[path] = done.get(path, 0) + len(line)
    return done


def _begun(walk: Walk, place: Path) -> Pruned | None:
    """Returns what was pruned from the log, if anything: the walk begins behind it."""
    try:
        past = pruned.read(place, walk.trusted)
    except NotCertified as error:
        walk.problem(SEGMENTS, f"what says which segments were pruned: {error.message}")
        past = None
    if past is not None:
        walk.begin_after(past)
    if not segments(place, after=walk.pruned_segment):
        raise ArtefactError(f"there is no audit log in {place}", hint="give the folder of its segments")
    return past


def _beside(told: Verification, past: Pruned) -> Verification:
    """Returns what was found, and what is said of the records that were removed."""
    unseen = f"records up to {past.seq}, which were pruned: what they held, but for their number and chain"
    return replace(told, pruned=past.removals, notes=(*past.told, *told.notes), blind=(unseen, *told.blind))


class _Named:
    """Remembers the anchor that the log names when it is opened."""

    anchor: Path | None = None

    def beside(self, visit: Callable[[Record], None]) -> Callable[[Record], None]:
        def both(record: Record) -> None:
            if record["kind"] == Kind.OPENED:
                self.anchor = Path(record["anchor"])
            visit(record)

        return both


def _read(path: Path | None) -> str | None:
    try:
        return None if path is None else path.read_text(errors="replace")
    except OSError:
        return None


def _anchor_check(walk: Walk, path: Path | None, envelope: str | None) -> Check:
    """Returns whether the copy of the newest checkpoint that lies elsewhere fits the log."""
    if path is None or envelope is None:
        said = f"there is no anchor at {path}: a cut tail or an exchanged folder cannot be seen"
        return Check(name="anchor", is_met=False, detail=said)
    try:
        point = checkpoints.opened(envelope, walk.trusted)
        now = checkpoints.opened(_read(path) or envelope, walk.trusted)
    except NotCertified as error:
        return Check(name="anchor", is_met=False, detail=f"{path}: {error.message}")
    wrong = [f"the anchor {words}" for words in walk.misfits(point)]
    if walk.checkpoint is not None and now.seq < walk.checkpoint.anchored_seq:
        older = f"it vouches for record {now.seq}, but had been at {walk.checkpoint.anchored_seq}"
        wrong.append(f"the anchor is an older one: {older}")
    if walk.missing_anchors:
        wrong.append(
            f"{walk.missing_anchors} times a gateway went on without it: a tail may have been cut before"
        )
    detail = "; ".join(wrong) or f"{path} vouches for the log up to record {point.seq}"
    return Check(name="anchor", is_met=not wrong, detail=detail)


def _told(walk: Walk, first: list[Check], *, anchor_check: Check | None) -> Verification:
    if not walk.checkpoints and anchor_check is not None:
        walk.problem(CHECKPOINTS, "there is none: nothing is signed")
    checks = list(first)
    for sort, means in _MEANS.items():
        wrong = walk.problems[sort]
        checks.append(Check(name=sort, is_met=not wrong, detail="; ".join(wrong) or means))
    if anchor_check is not None:
        checks.append(anchor_check)
    point = walk.checkpoint
    return Verification(
        checks=tuple(checks),
        notes=tuple(_notes(walk)),
        blind=tuple(_blind(walk, point, is_whole=anchor_check is not None)),
        log=walk.log,
        records=0 if walk.first_seq is None else walk.seq - walk.first_seq + 1,
        events=walk.events,
        first_seq=-1 if walk.first_seq is None else walk.first_seq,
        last_seq=walk.seq,
        first_at=walk.first_at,
        last_at=walk.last_at,
        signed_seq=-1 if point is None else point.seq,
        signed_at="" if point is None else point.at,
        head=walk.head.hex(),
    )


def _notes(walk: Walk) -> list[str]:
    notes = []
    if walk.torn_bytes:
        notes.append(
            f"the last line is torn ({walk.torn_bytes} bytes after record {walk.seq}): the gateway was "
            "killed while it wrote, or is writing"
        )
    if walk.tears:
        notes.append(f"{walk.tears} times a torn last line was cut off when the gateway started again")
    if walk.clock_back_s:
        notes.append(f"the clock went back, by up to {walk.clock_back_s:.6g} s: times are those of its clock")
    return notes


def _blind(walk: Walk, point: Checkpoint | None, *, is_whole: bool) -> list[str]:
    blind = ["calls that the gateway never wrote: the log proves what is in it"]
    if not is_whole:
        return [*blind, "whether the log went on before or after this window"]
    if point is not None and point.seq < walk.plain_seq:
        blind.append(
            f"records {point.seq + 1} to {walk.plain_seq}, after the newest checkpoint ({point.at}), are not "
            "signed yet: whoever can write the file could have changed or cut them"
        )
    blind += [
        "a log and an anchor both put back to the same earlier state: keep copies of the anchor elsewhere",
        "anything done by who holds the signing key",
    ]
    return blind
