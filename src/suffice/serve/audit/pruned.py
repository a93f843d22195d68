"""The signed statement that stands in place of a log's old segments once they were removed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from suffice.certificate import STATEMENT_TYPE
from suffice.certify.signature import Keys, open_envelope, sign
from suffice.errors import ArtefactError, NotCertified
from suffice.files import write_text

PREDICATE_TYPE = "https://suffice.dev/audit-pruning/v1"
_NAME = "audit-pruned.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Removal:
    """One removal: records `first_seq` to `last_seq`, `calls` of them calls, written between two times.

    It happened at `at`, and took what was written before `before`. `head` is the chain (hex) that they
    ended with.
    """

    first_seq: int
    last_seq: int
    calls: int
    first_at: str
    last_at: str
    head: str
    at: str
    before: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruned:
    """What a signature vouches for: of the log `log`, its segments up to `segment` were removed.

    They took `length_bytes`. `removals` says what they were, oldest first. The rest is what a reader needs
    to go on behind them: the certificates in use at their end (`certificates`), those in use before the
    newest change (`former`), when that was (`changed_at`, None where nothing changed), and where the
    anchor lies.
    """

    log: str
    segment: int
    length_bytes: int
    removals: tuple[Removal, ...]
    certificates: tuple[str, ...]
    former: tuple[str, ...]
    changed_at: str | None
    anchor: str

    @property
    def seq(self) -> int:
        """Returns the number of the last record that was removed."""
        return self.removals[-1].last_seq

    @property
    def head(self) -> bytes:
        """Returns the chain that the removed records ended with."""
        return bytes.fromhex(self.removals[-1].head)

    @property
    def told(self) -> list[str]:
        """Returns in words what was removed, a line a removal."""
        return [
            f"records {each.first_seq} to {each.last_seq} ({each.calls} calls, {each.first_at} to "
            f"{each.last_at}) were pruned on {each.at}; their chain ended in {each.head}"
            for each in self.removals
        ]


def write(folder: Path, pruned: Pruned, keys: Keys) -> None:
    """Writes the signed statement into a log's folder, durably.

    Raises:
        OutputError: the folder cannot be written to.
    """
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": f"audit-log/{pruned.log}", "digest": {"sha256": pruned.removals[-1].head}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": asdict(pruned),
    }
    write_text(folder / _NAME, sign(orjson.dumps(statement), keys))


def lies_in(folder: Path) -> bool:
    """Says whether a log's folder holds a statement, signed or not."""
    return (folder / _NAME).exists()


def read(folder: Path, trusted: Ed25519PublicKey) -> Pruned | None:
    """Returns what was removed from a log, None where nothing was.

    Raises:
        ArtefactError: its file cannot be read.
        NotCertified: the statement is damaged, or the trusted key did not sign it.
    """
    try:
        envelope = (folder / _NAME).read_text(errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ArtefactError(f"cannot read {folder / _NAME}: {error.strerror}") from error
    statement = orjson.loads(open_envelope(envelope, trusted))
    if not isinstance(statement, dict) or statement.get("predicateType") != PREDICATE_TYPE:
        raise NotCertified("what was signed does not say what was pruned")
    fields: dict[str, Any] = statement["predicate"]
    many = {name: tuple(fields[name]) for name in ("certificates", "former")}
    return Pruned(**{**fields, **many, "removals": tuple(Removal(**each) for each in fields["removals"])})
