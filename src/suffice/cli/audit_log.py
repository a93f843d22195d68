"""`suffice audit-log`: does the gateway's log hold, what does it show, and a window of it to take away."""

import dataclasses
import difflib
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suffice.cli.audit_place import anchor_of, found, keys_beside, place_of, time_of, trusted
from suffice.cli.audit_prune import prune
from suffice.cli.options import Common, common, of_home

if TYPE_CHECKING:
    from suffice.serve.audit.prove import Proof
    from suffice.serve.audit.verify import Verification

EXIT_HOLDS, EXIT_DOES_NOT, EXIT_UNKNOWN = 0, 1, 3

_key = click.option(
    "--key", type=click.Path(path_type=Path), help="The gateway's public key  [default: in keys beside PLACE]"
)
_since = click.option(
    "--since", metavar="TIME", help="Records from this time on (ISO 8601; UTC if it has no zone)."
)
_until = click.option("--until", metavar="TIME", help="Records before this time.")


@click.group("audit-log", context_settings={"help_option_names": ["-h", "--help"]})
def audit_log() -> None:
    """Check the gateway's audit log, prove from it, take a window of it away.

    PLACE is the log's folder, or a file made by `export`; without it, the log of the gateway whose --home
    is given, else of this user's gateway.
    Exit codes: 0 it holds, 1 it does not, 2 a mistake in usage or set-up, 3 the log cannot tell (`prove`).
    """


@audit_log.command()
@place_of
@of_home
@_key
@anchor_of
@common
def verify(
    place: Path | None, home: Path | None, key: Path | None, anchor: Path | None, *, common: Common
) -> int:
    """Check every record, signature and file of the log in PLACE."""
    from suffice.serve.audit import verify as verifying

    place = found(place, home)
    result = verifying.verify(place, trusted(place, key), anchor=anchor)
    common.give(_value(result), "\n".join([*_lines(result), *_words(result)]))
    return EXIT_HOLDS if result.holds else EXIT_DOES_NOT


@audit_log.command()
@place_of
@of_home
@click.option("--class", "data_class", required=True, metavar="CLASS", help="The class of private data.")
@click.option(
    "--never-left", type=click.Choice(["local"]), required=True, help="Where calls with it must have stayed."
)
@_since
@_until
@_key
@anchor_of
@common
def prove(  # noqa: PLR0913 - one parameter an option
    *,
    place: Path | None,
    home: Path | None,
    data_class: str,
    never_left: str,
    since: str | None,
    until: str | None,
    key: Path | None,
    anchor: Path | None,
    common: Common,
) -> int:
    """Show whether a call with CLASS ever left this machine, masked or not.

    Counts over the exact window that signatures cover. Nothing is shown from a log that does not
    verify, nor of calls in which the class was not looked for.
    """
    from suffice.serve.audit.prove import prove_never_left

    span = {"since": time_of(since), "until": time_of(until)}
    place = found(place, home)
    proof = prove_never_left(place, trusted(place, key), data_class, anchor=anchor, **span)
    _check_class(data_class, proof.known_classes)
    common.give({"never_left": never_left, **_proof_value(proof)}, _proof_words(proof))
    if proof.is_unknown:
        return EXIT_UNKNOWN
    return EXIT_HOLDS if proof.holds else EXIT_DOES_NOT


@audit_log.command()
@place_of
@of_home
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The file to write.")
@_since
@_until
@anchor_of
@common
def export(  # noqa: PLR0913 - one parameter an option
    *,
    place: Path | None,
    home: Path | None,
    out: Path,
    since: str | None,
    until: str | None,
    anchor: Path | None,
    common: Common,
) -> int:
    """Write a window of the log to one signed file, which `verify` and `prove` take anywhere.

    Signs with the gateway's own key, which lies beside the log. The window begins with the policy that
    held at its start. A log that does not verify is not exported.
    """
    from suffice.certify.signature import keys_in
    from suffice.clock import SystemClock
    from suffice.errors import NotCertified
    from suffice.serve.audit import exported
    from suffice.serve.audit.verify import verify as verified

    span = {"since": time_of(since), "until": time_of(until)}
    place = found(place, home)
    trusted(place, None)
    keys = keys_in(keys_beside(place))
    result = verified(place, keys.private.public_key(), anchor=anchor)
    if not result.holds:
        wrong = next(check for check in result.checks if not check.is_met)
        raise NotCertified(
            f"the log does not verify: {wrong.name}: {wrong.detail}", hint=f"suffice audit-log verify {place}"
        )
    window = exported.export(place, out, keys, SystemClock(), **span)
    told = f"records {window.first_seq} to {window.last_seq} ({window.first_at} to {window.last_at})"
    value = {"file": str(out), "key_id": keys.key_id, **dataclasses.asdict(window)}
    common.give(value, f"wrote {told} to {out}\nsigned by {keys.key_id}; its public key: {keys.public_file}")
    return EXIT_HOLDS


def _lines(result: "Verification") -> list[str]:
    return [f"{'ok ' if check.is_met else 'NOT'}  {check.name}: {check.detail}" for check in result.checks]


def _words(result: "Verification") -> list[str]:
    times = [at and f"{at:%Y-%m-%d %H:%M:%S}" for at in (result.first_at, result.last_at)]
    covers = (
        f"log {result.log}: {result.records} records, {result.events} of them calls, "
        f"{times[0]} to {times[1]} UTC; signed up to record {result.signed_seq}"
    )
    verdict = "the audit log holds" if result.holds else "the audit log does NOT hold"
    notes = [f"note: {note}" for note in result.notes]
    return [covers, *notes, *(f"cannot be seen: {words}" for words in result.blind), verdict]


def _value(result: "Verification") -> dict[str, Any]:
    checks = [{"name": c.name, "met": c.is_met, "detail": c.detail} for c in result.checks]
    rest = dataclasses.asdict(dataclasses.replace(result, checks=()))
    moments = {name: rest[name] and rest[name].isoformat() for name in ("first_at", "last_at")}
    return {"holds": result.holds, **rest, **moments, "checks": checks}


def _proof_value(proof: "Proof") -> dict[str, Any]:
    fields = {
        field.name: getattr(proof, field.name)
        for field in dataclasses.fields(proof)
        if field.name not in {"verification", "policies", "known_classes", "trusted"}
    }
    policies = [dataclasses.asdict(policy) for policy in proof.policies]
    trusted = [dataclasses.asdict(server) for server in proof.trusted]
    return {
        "holds": proof.holds,
        "verdict": proof.verdict,
        **fields,
        "policies": policies,
        "trusted_local": trusted,
        "known_classes": sorted(proof.known_classes),
        "log": proof.verification.log,
        "pruned": [dataclasses.asdict(each) for each in proof.verification.pruned],
        "cannot_be_seen": proof.verification.blind,
    }


def _proof_words(proof: "Proof") -> str:
    window = f"records {proof.first_seq} to {proof.last_seq}, {proof.first_at} to {proof.last_at}"
    found = f"with {proof.data_class}: {proof.with_class}; left: {proof.left}, masked {proof.left_masked}"
    lines = [f"window: {proof.calls} calls ({window}), log {proof.verification.log}", found]
    if proof.not_looked:
        lines.append(f"{proof.data_class} was not looked for in {proof.not_looked} calls")
    if proof.unsigned:
        lines.append(
            f"after the window, not signed yet: {proof.unsigned} calls, {proof.unsigned_left} such left"
        )
    if proof.examples:
        lines.append(f"records of calls that left: {', '.join(map(str, proof.examples))}")
    lines += [
        f"trusted as local by the site: {server.tier} at {' and '.join(server.addresses)}, sent "
        f"{server.calls} calls, {server.with_class} with {proof.data_class}"
        for server in proof.trusted
    ]
    for policy in proof.policies:
        looked = "looked for" if policy.is_looked_for else "NOT looked for"
        lines.append(
            f"from record {policy.from_seq}: policy {policy.sha256[:16]}, {proof.data_class} {looked}"
        )
    if proof.trusted:
        lines.append("cannot be seen: what servers that are trusted as local pass on")
    lines += [f"cannot be seen: {words}" for words in proof.verification.blind]
    return "\n".join([*lines, f"{_outcome(proof)}: {proof.verdict}"])


def _outcome(proof: "Proof") -> str:
    if proof.is_unknown:
        return "NOT SHOWN"
    return "holds" if proof.holds else "DOES NOT HOLD"


def _check_class(name: str, in_log: Collection[str]) -> None:
    """Refuses a class that neither this log nor any gateway knows: a slip of the pen proves nothing."""
    from suffice.errors import SpecError
    from suffice.serve.event import UNINSPECTED
    from suffice.serve.privacy.settings import OPTIONAL_CLASSES, STANDARD_CLASSES

    known = sorted({*in_log, *STANDARD_CLASSES, *OPTIONAL_CLASSES, UNINSPECTED})
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise SpecError(
            f"--class: there is no class {name!r}; there are {', '.join(known)}",
            hint=f"did you mean {near[0]}?" if near else "a class of your own must have been looked for",
        )


audit_log.add_command(prune)
