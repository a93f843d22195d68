"""Signing statements: Ed25519 over a DSSE envelope, with a key made on first use.

DSSE (Dead Simple Signing Envelope, secure-systems-lab/dsse protocol v1) signs the payload's exact
bytes together with their type, so that nothing has to be parsed before it is trusted.
"""

import base64
import binascii
import contextlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from suffice import fingerprint
from suffice.errors import ArtefactError, NotCertified
from suffice.files import writable, write_text

PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True, kw_only=True)
class Keys:
    """A signing key and the files it lives in: `ed25519.pem` (mode 0600) and `ed25519.pub.pem`."""

    private: Ed25519PrivateKey
    public_file: Path

    @property
    def key_id(self) -> str:
        """Returns the sha256 of the public key's raw bytes: what signatures name."""
        return key_id(self.private.public_key())


def key_id(key: Ed25519PublicKey) -> str:
    """Returns the sha256 (hex) of a public key's 32 raw bytes."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return fingerprint.of_bytes(raw)


def keys_in(folder: Path) -> Keys:
    """Returns the keys in a folder, made anew where there are none.

    Raises:
        OutputError: the folder cannot be written to.
        ArtefactError: the file is no Ed25519 key.
    """
    private_file, public_file = folder / "ed25519.pem", folder / "ed25519.pub.pem"
    if not private_file.exists():
        _make(private_file)
    try:
        private = serialization.load_pem_private_key(private_file.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise ArtefactError(
            f"{private_file} is no key: {error}", hint="move it away; a new key is made at the next run"
        ) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise ArtefactError(f"{private_file} holds another kind of key than Ed25519")
    if not public_file.exists():
        write_text(public_file, _public_pem(private.public_key()))
    return Keys(private=private, public_file=public_file)


def public_key(path: Path) -> Ed25519PublicKey:
    """Returns the public key in a PEM file.

    Raises:
        ArtefactError: no such file, or no Ed25519 public key.
    """
    hint = (
        "give the signer's public key with --key FILE: it is keys/ed25519.pub.pem in the SUFFICE_HOME where "
        "`suffice run` signed (default: ~/.local/share/suffice)"
    )
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise ArtefactError(f"cannot read the key {path}: {error.strerror}", hint=hint) from error
    except ValueError as error:
        raise ArtefactError(f"{path} is no public key in PEM form", hint=hint) from error
    if not isinstance(key, Ed25519PublicKey):
        raise ArtefactError(f"{path} holds another kind of key than Ed25519")
    return key


def sign(payload: bytes, keys: Keys) -> str:
    """Returns the DSSE envelope (JSON text) of a payload."""
    signature = keys.private.sign(_encoded(payload))
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": keys.key_id, "sig": base64.b64encode(signature).decode()}],
    }
    return json.dumps(envelope, indent=2) + "\n"


def open_envelope(text: str, trusted: Ed25519PublicKey) -> bytes:
    """Returns the payload of an envelope after checking that the trusted key signed it.

    Raises:
        NotCertified: the envelope is damaged, or no signature is the trusted key's.
    """
    try:
        envelope = json.loads(text)
        payload = base64.b64decode(envelope["payload"], validate=True)
        signatures = {s["keyid"]: base64.b64decode(s["sig"], validate=True) for s in envelope["signatures"]}
        kind = envelope["payloadType"]
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise NotCertified(f"the signature's envelope is damaged: {error!r}") from error
    wanted = key_id(trusted)
    if kind != PAYLOAD_TYPE or wanted not in signatures:
        named = ", ".join(name[:16] for name in signatures) or "nobody"
        raise NotCertified(
            f"signed by {named}, not by the trusted key {wanted[:16]}",
            hint="give the signer's public key with --key FILE if you trust it",
        )
    try:
        trusted.verify(signatures[wanted], _encoded(payload))
    except InvalidSignature as error:
        raise NotCertified("the signature does not match: the certificate was changed") from error
    return payload


def _make(private_file: Path) -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with writable(private_file):
        private_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, unnamed = tempfile.mkstemp(dir=private_file.parent)  # mode 0600 from the start
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(pem)
            # A link is made whole or not at all: two first runs end with one and the same key.
            with contextlib.suppress(FileExistsError):
                os.link(unnamed, private_file)
        finally:
            Path(unnamed).unlink()


def _public_pem(key: Ed25519PublicKey) -> str:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def _encoded(payload: bytes) -> bytes:
    """Returns DSSE's pre-authentication encoding of the payload."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
