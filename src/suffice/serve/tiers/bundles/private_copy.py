"""The bytes that are served: copied out of a run folder while they are hashed, to where no run writes.

Checking a folder and then loading from it leaves a moment in which a file can be swapped, and a decoder
that maps its weights into memory reads them for as long as it lives. So the bundle is copied first, each
block hashed on its way, and models are loaded from the copy, which only this user can write to.
`models.artefact.unseal` then checks the copy against its own manifest, which is one of the hashed files.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from suffice.errors import ArtefactError, NotCertified, OutputError
from suffice.files import writable
from suffice.serve.tiers.bundles.certified import Certified

_PREFIX = "suffice-served-"
_HELD = ".held"  # locked for as long as the copy is in use; a kill frees it
_CHUNK_BYTES = 1 << 20


@dataclass(kw_only=True)
class PrivateCopy:
    """A bundle's copy, readable by this user alone; `bytes_total` are its files' together."""

    bundle: Path
    bytes_total: int
    held: IO[bytes]

    def remove(self) -> None:
        """Removes the copy; twice is harmless."""
        if not self.held.closed:
            shutil.rmtree(self.bundle.parent, ignore_errors=True)
            self.held.close()


def taken(certified: Certified, *, workplace: Path | None = None) -> PrivateCopy:
    """Returns a copy of a bundle whose every byte was compared with the certificate's hashes on the way.

    `workplace` is where copies are made; the system's folder for temporary files where it is None.

    Raises:
        NotCertified: a file is missing, new or changed; names it.
        ArtefactError: one cannot be read.
        OutputError: the copy cannot be written.
    """
    place = Path(tempfile.gettempdir()) if workplace is None else workplace
    try:
        with writable(place):
            place.mkdir(parents=True, exist_ok=True)
            _clear(place)
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))  # mode 0700
            held = _hold(folder)
        copy = PrivateCopy(bundle=folder / "bundle", bytes_total=0, held=held)
        try:
            _fill(copy, certified)
        except BaseException:
            copy.remove()
            raise
    except OutputError as error:
        raise OutputError(
            f"the bundle cannot be copied to be served: {error.message}",
            hint="free the disk, or set TMPDIR to a folder with room for the bundle",
        ) from error
    return copy


def _fill(copy: PrivateCopy, certified: Certified) -> None:
    source = certified.bundle
    with _readable(source):
        found = {path.relative_to(source).as_posix(): path for path in source.rglob("*") if path.is_file()}
    expected = certified.files
    if expected is not None and (odd := sorted(found.keys() ^ expected.keys())):
        raise _refused(certified, odd[0], "is missing" if odd[0] in expected else "is not part of it")
    for name, path in sorted(found.items()):
        sha256 = _copied(path, copy.bundle / name, copy)
        if expected is not None and sha256 != expected[name]:
            raise _refused(certified, name, "was changed")


def _copied(source: Path, target: Path, copy: PrivateCopy) -> str:
    """Returns the sha256 of the bytes that were written, which may be others than lie at the source now."""
    digest = hashlib.sha256()
    with _readable(source), source.open("rb") as reading, writable(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as writing:
            while chunk := reading.read(_CHUNK_BYTES):
                digest.update(chunk)
                writing.write(chunk)
                copy.bytes_total += len(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def _readable(source: Path) -> Iterator[None]:
    """Turns an operating system's refusal to read into an error that names the place."""
    try:
        yield
    except OSError as error:
        raise ArtefactError(
            f"{source} cannot be read: {error.strerror}",
            hint="if a run is writing its bundle at this moment, try again when it has ended",
        ) from error


def _refused(certified: Certified, name: str, what: str) -> NotCertified:
    return NotCertified(
        f"{certified.bundle / name} {what}: these are not the bytes that were certified",
        hint=f"restore it, or certify again with `suffice run`; see `suffice verify {certified.folder}`",
    )


def _hold(folder: Path) -> IO[bytes]:
    """Returns the open lock of a new folder; it has no name that `_clear` knows until it is locked."""
    making = folder / f"{_HELD}.new"
    held = making.open("wb")
    fcntl.flock(held, fcntl.LOCK_EX)
    making.rename(folder / _HELD)
    return held


def _clear(place: Path) -> None:
    """Removes the copies that killed gateways left: those whose lock nobody holds."""
    for folder in place.glob(f"{_PREFIX}*"):
        try:
            handle = os.open(folder / _HELD, os.O_RDWR)
        except OSError:
            continue  # another user's, or one that is being made at this moment
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass  # in use
        finally:
            os.close(handle)
