"""What a run folder proves: whose certificate lies there, and which bytes it speaks of."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from suffice import fingerprint
from suffice.certify import statement
from suffice.certify.signature import key_id, open_envelope, public_key
from suffice.errors import ArtefactError, NotCertified
from suffice.ledger.home import home

PUBLIC_KEY = "keys/ed25519.pub.pem"


class Standing(StrEnum):
    """Whether what is served is covered by a certificate; what has a false one is not served at all."""

    VALID = "valid"
    UNCERTIFIED = "uncertified"


@dataclass(frozen=True, kw_only=True)
class Certified:
    """What is known of a run folder's bundle before it is opened.

    `sha256` is that of the signed statement, `key_id` names the key that signed it; `files` are the
    sha256 of every served file by its name within the bundle. `predicate` is the whole certificate; it is
    empty, and the texts and numbers are "" and None, where there is none.
    """

    folder: Path
    standing: Standing
    sha256: str | None = None
    key_id: str = ""
    files: Mapping[str, str] | None = None
    predicate: Mapping[str, Any]

    @property
    def bundle(self) -> Path:
        """Returns the bundle's folder."""
        return self.folder / statement.BUNDLE

    @property
    def is_valid(self) -> bool:
        """Says whether a certificate speaks of the bundle."""
        return self.standing is Standing.VALID

    def facts(self) -> dict[str, Any]:
        """Returns what pages and `/v1/models` tell of it, as JSON values; None is what is not known."""
        told = (
            *("task", "chosen", "statement", "target", "metric", "threshold", "alpha", "alpha_spent"),
            *("n", "labels", "judge_labels", "calls", "issued_at", "distribution_note", "measurements"),
        )
        return {
            "standing": self.standing.value,
            "sha256": self.sha256,
            "key_id": self.key_id or None,
            **{name: self.predicate.get(name) for name in told},
        }


def trusted_key(file: Path | None = None) -> Ed25519PublicKey:
    """Returns the public key whose certificates count: the given PEM file's, else this user's own.

    Raises:
        ArtefactError: no such file, or no Ed25519 public key.
    """
    return public_key(home() / PUBLIC_KEY if file is None else file)


def certified(folder: Path, *, key: Path | None = None, allow_uncertified: bool = False) -> Certified:
    """Returns what a run folder proves, by signature; that the bytes are these is `copy.taken`'s to check.

    `key` is a PEM file with the trusted public key. `allow_uncertified` lets a folder pass that holds no
    certificate at all; one with a certificate that does not hold never passes.

    Raises:
        NotCertified: no certificate, half of one, or one that the trusted key did not sign.
        ArtefactError: there is no such folder, or no such key.
    """
    if not (folder / statement.BUNDLE).is_dir():
        raise ArtefactError(
            f"{folder} holds no {statement.BUNDLE}/",
            hint="give the folder of a run that ended with exit code 0: only then there is a model to serve",
        )
    parts = {name: _read(folder / name) for name in (statement.FILE, statement.ENVELOPE)}
    text, envelope = parts[statement.FILE], parts[statement.ENVELOPE]
    if text is None and envelope is None:
        if allow_uncertified:
            return Certified(folder=folder, standing=Standing.UNCERTIFIED, predicate={})
        raise NotCertified(
            f"{folder} has no certificate",
            hint="certify it with `suffice run`, or serve it as it is with --allow-uncertified",
        )
    if text is None or envelope is None:
        missing = statement.FILE if text is None else statement.ENVELOPE
        raise NotCertified(
            f"{folder} has half a certificate: {missing} is missing",
            hint="restore the file; without both, nothing shows who signed what",
        )
    return _signed(folder, text, envelope, trusted_key(key))


def _signed(folder: Path, text: bytes, envelope: bytes, trusted: Ed25519PublicKey) -> Certified:
    payload = open_envelope(envelope.decode("utf-8", "replace"), trusted)
    if payload != text:
        raise NotCertified(
            f"{folder / statement.FILE} differs from what was signed: a byte was changed",
            hint="restore the file from where the run was made",
        )
    subject, predicate = statement.parse(payload)
    inside = f"{statement.BUNDLE}/"
    if foreign := [name for name in subject if not name.startswith(inside)]:
        raise NotCertified(f"{folder / statement.FILE} speaks of {foreign[0]!r}, which is not served")
    return Certified(
        folder=folder,
        standing=Standing.VALID,
        sha256=fingerprint.of_bytes(payload),
        key_id=key_id(trusted),
        files={name.removeprefix(inside): sha256 for name, sha256 in subject.items()},
        predicate=predicate,
    )


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotCertified(f"{path} cannot be read: {error.strerror}") from error
