"""A real PostgreSQL of its own for the tests: in a temporary folder, on a Unix socket, gone afterwards."""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_PLACE = Path("/usr/lib/postgresql")
_NEEDED = ("initdb", "postgres")
_PATIENCE_S = 30.0
_names = itertools.count(1)


def missing() -> str:
    """Returns what is missing to run a server here, "" for nothing."""
    if _binaries() is None:
        return f"no PostgreSQL server: {' and '.join(_NEEDED)} are not in {_PLACE}/*/bin"
    try:
        import psycopg  # noqa: F401, PLC0415 - only whether it is there
    except ModuleNotFoundError:
        return "the package psycopg is not installed"
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        return "PostgreSQL does not run as root, and setpriv is not there to become somebody else"
    return ""


@contextlib.contextmanager
def server() -> Iterator["Server"]:
    """Yields a running server with an empty cluster; stops it and removes its files."""
    binaries = _binaries()
    assert binaries is not None, missing()
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    user, become = _somebody(folder)
    try:
        made = [*become, binaries / "initdb", "-D", folder / "data", "-U", user, "-A", "trust", "--no-sync"]
        subprocess.run([*made, "--locale=C", "-E", "UTF8"], check=True, capture_output=True, cwd=folder)
        running = Server(folder, user, [*become, binaries / "postgres"])
        running.start()
        try:
            yield running
        finally:
            running.stop(signal.SIGQUIT)  # at once: its files are thrown away
    finally:
        shutil.rmtree(folder)


class Server:
    """One running server: `new_url` makes a database of its own for each test."""

    def __init__(self, folder: Path, user: str, command: list[object]) -> None:
        self._folder, self._user, self._command = folder, user, command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the server and waits until it answers; its data are those it was stopped with."""
        settings = {"listen_addresses": "", "fsync": "off", "max_connections": "40"}
        given = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [*self._command, "-D", self._folder / "data", "-k", self._folder, *given]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                list(map(str, command)), stdout=log, stderr=log, cwd=self._folder
            )
        self._wait()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stops the server (SIGINT: in order), ending its clients' sessions; twice is harmless."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_PATIENCE_S)
            self._process = None

    def new_url(self) -> str:
        """Returns the address of a new, empty database."""
        name = f"test_{next(_names)}"
        with self._connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return f"postgresql://{self._user}@/{name}?host={self._folder}"

    def _connect(self):
        import psycopg  # noqa: PLC0415 - where it is missing these tests are skipped

        return psycopg.connect(host=str(self._folder), user=self._user, dbname="postgres", autocommit=True)

    def _wait(self) -> None:
        import psycopg  # noqa: PLC0415 - as above

        ends = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self._connect().close()
            except psycopg.OperationalError:
                assert time.monotonic() < ends, (self._folder / "log").read_text()
                assert self._process is not None
                assert self._process.poll() is None, (self._folder / "log").read_text()
                time.sleep(0.02)
            else:
                return


def _binaries() -> Path | None:
    """Returns the folder of the newest server's programs, or None."""
    found = [folder / "bin" for folder in _PLACE.glob("[0-9]*") if (folder / "bin" / "postgres").exists()]
    whole = [folder for folder in found if all((folder / name).exists() for name in _NEEDED)]
    return max(whole, key=lambda folder: int(folder.parent.name.partition(".")[0]), default=None)


def _somebody(folder: Path) -> tuple[str, list[object]]:
    """Returns a user other than root who owns the folder, and the command that becomes that user."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name, []
    user = next(pwd.getpwnam(name) for name in ("postgres", "nobody") if _is_user(name))
    os.chown(folder, user.pw_uid, user.pw_gid)
    become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]
    return user.pw_name, become


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
