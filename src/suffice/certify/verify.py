"""Checking a run folder's certificate: signature, served bytes, and the arithmetic of the proof."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from suffice import fingerprint
from suffice.certify import evidence, statement
from suffice.certify.signature import open_envelope
from suffice.errors import ArtefactError, NotCertified
from suffice.stats.budget import look_alpha


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was checked, and what was found."""

    name: str
    is_met: bool
    detail: str


def verify(folder: Path, trusted: Ed25519PublicKey) -> list[Check]:
    """Returns every check made on a run folder; the certificate holds if all are met.

    Raises:
        NotCertified: there is no certificate to check, or it is not the trusted key's.
        ArtefactError: there is no such folder.
    """
    if not folder.is_dir():
        raise ArtefactError(f"there is no folder {folder}", hint="give the folder of a run")
    text, envelope = _read(folder / statement.FILE), _read(folder / statement.ENVELOPE)
    payload = open_envelope(envelope.decode("utf-8", "replace"), trusted)
    if payload != text:
        raise NotCertified(f"{statement.FILE} differs from what was signed: a byte was changed")
    subject, predicate = statement.parse(payload)
    checks = [Check(name="signature", is_met=True, detail="the signed bytes are the certificate's")]
    changed = statement.changed_files(folder, subject)
    checks.append(
        Check(
            name="served files",
            is_met=not changed,
            detail=f"{changed[0]} is missing, new or changed" if changed else f"{len(subject)} files match",
        )
    )
    checks += _proof(folder, predicate)
    return checks


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotCertified(
            f"{path} cannot be read: {error.strerror}",
            hint="give the folder of a run that ended with a certificate",
        ) from error


def _proof(folder: Path, predicate: Mapping[str, Any]) -> list[Check]:
    raw = _read(folder / evidence.FILE)
    is_same = fingerprint.of_bytes(raw) == predicate.get("data", {}).get("evidence")
    checks = [
        Check(
            name="evidence",
            is_met=is_same,
            detail="its hash is the certificate's" if is_same else f"{evidence.FILE} was changed",
        )
    ]
    if not is_same:
        return checks
    try:
        again = evidence.computed_again(json.loads(raw))
        checks.append(_arithmetic(predicate, again))
        checks.append(_budget(predicate))
    except (ValueError, KeyError, TypeError) as error:
        raise NotCertified(f"{statement.FILE} is damaged: {error!r}") from error
    return checks


def _arithmetic(predicate: Mapping[str, Any], again: Mapping[str, Mapping[str, Any]]) -> Check:
    """The recorded values, bet on again, must give each verdict, n, share of alpha and p-value."""
    for test in predicate["tests"]:
        computed = again.get(test["hypothesis"])
        if computed is None or computed["verdict"] != test["verdict"] or computed["n"] != test["n"]:
            return Check(name="arithmetic", is_met=False, detail=f"{test['hypothesis']}: another verdict")
        same_alpha = math.isclose(computed["alpha"], test["alpha"], rel_tol=1e-9)
        e_value = test["e_value"]
        stated = [test["p_value"]] + ([] if e_value is None else [1 / e_value])
        if not same_alpha or not all(_close(p, computed["p_value"]) for p in stated):
            return Check(name="arithmetic", is_met=False, detail=f"{test['hypothesis']}: another p-value")
    chosen = again.get(predicate["chosen"])
    if chosen is None or chosen["verdict"] != "pass":
        return Check(name="arithmetic", is_met=False, detail=f"{predicate['chosen']} was not certified")
    return Check(name="arithmetic", is_met=True, detail=f"{len(again)} tests computed again, equal")


def _budget(predicate: Mapping[str, Any]) -> Check:
    allowed = look_alpha(predicate["alpha"], predicate["look"])
    spent = predicate["alpha_spent"]
    order, tests = predicate["order"], predicate["tests"]
    shares = [test["alpha"] for test in tests]
    total = sum(shares) if order == "ascending" else max(shares)
    is_met = spent <= allowed * (1 + 1e-9) and total <= spent * (1 + 1e-9)
    detail = f"look {predicate['look']}: {spent:.4g} spent of {predicate['alpha']:g}, tested {order}"
    return Check(name="error budget", is_met=is_met, detail=detail)


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-11)
