"""The certificate as an in-toto Statement: its subject is the sha256 of every file that is served."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suffice import fingerprint
from suffice.certificate import PREDICATE_TYPE, STATEMENT_TYPE, Certificate
from suffice.errors import NotCertified

FILE = "certificate.json"
ENVELOPE = "certificate.dsse.json"
BUNDLE = "bundle"


def statement_bytes(certificate: Certificate, bundle: Path) -> bytes:
    """Returns the statement about a bundle folder, as the exact bytes to be signed and written."""
    subject = [
        {"name": f"{BUNDLE}/{name}", "digest": {"sha256": digest}}
        for name, digest in fingerprint.of_folder(bundle).items()
    ]
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": subject,
        "predicateType": PREDICATE_TYPE,
        "predicate": dataclasses.asdict(certificate),
    }
    return (json.dumps(statement, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def parse(payload: bytes) -> tuple[dict[str, str], dict[str, Any]]:
    """Returns the subject's digests by file name, and the predicate.

    Raises:
        NotCertified: the bytes are no statement of this kind.
    """
    try:
        statement = json.loads(payload)
        kind = (statement["_type"], statement["predicateType"])
        subject = {item["name"]: item["digest"]["sha256"] for item in statement["subject"]}
        predicate = dict(statement["predicate"])
    except (ValueError, KeyError, TypeError) as error:
        raise NotCertified(f"{FILE} is damaged: {error!r}") from error
    if kind != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise NotCertified(f"{FILE} is a statement of another kind: {kind}")
    return subject, predicate


def changed_files(folder: Path, subject: Mapping[str, str]) -> list[str]:
    """Returns the names of served files that are missing, new or changed against the subject."""
    found = {f"{BUNDLE}/{name}": sha for name, sha in fingerprint.of_folder(folder / BUNDLE).items()}
    return sorted(name for name in {*found, *subject} if found.get(name) != subject.get(name))
