"""Checkpoints: signed statements that a log had so many records and bytes, and ended with this chain."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from suffice.certificate import STATEMENT_TYPE
from suffice.certify.signature import Keys, open_envelope, sign
from suffice.errors import NotCertified

PREDICATE_TYPE = "https://suffice.dev/audit-checkpoint/v1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """What a signature vouches for.

    Of the log `log`: its records up to `seq` (the first is 0) take `length_bytes` in all files together,
    and the last one's chain is `head` (hex). `at` is the time of signing, `certificates` are the sha256 of
    the certificates in use then. `anchored_seq` is the `seq` of the newest checkpoint that had been copied
    to the anchor by then, -1 for none.
    """

    log: str
    seq: int
    head: str
    length_bytes: int
    at: str
    certificates: tuple[str, ...]
    anchored_seq: int


def signed(checkpoint: Checkpoint, keys: Keys) -> str:
    """Returns the DSSE envelope (JSON text) of an in-toto statement that holds the checkpoint."""
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": f"audit-log/{checkpoint.log}", "digest": {"sha256": checkpoint.head}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": asdict(checkpoint),
    }
    return sign(orjson.dumps(statement), keys)


def opened(envelope: str, trusted: Ed25519PublicKey) -> Checkpoint:
    """Returns the checkpoint in an envelope that the trusted key signed.

    Raises:
        NotCertified: damaged, signed by another key, or a statement of another kind.
    """
    statement = orjson.loads(open_envelope(envelope, trusted))
    if not isinstance(statement, dict) or statement.get("predicateType") != PREDICATE_TYPE:
        raise NotCertified("what was signed is no checkpoint of an audit log")
    fields: dict[str, Any] = statement["predicate"]
    return Checkpoint(**{**fields, "certificates": tuple(fields["certificates"])})
