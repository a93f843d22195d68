"""Running Python that a model wrote: in a process of its own, without network, under limits, then forgotten.

This is a fence against accidents and clumsy attacks, not a jail: the process has the user's rights to read
files. Where the system allows it, the process has no network at all (a namespace of its own); elsewhere
sockets are refused inside Python, which `SandboxRun.network` says.
"""

import contextlib
import functools
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

try:
    import resource
except ImportError:  # another system than Unix
    resource = None  # type: ignore[assignment]

_OUTPUT_BYTES = 4_000
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000

# Read by the child before the code: sockets and new processes are refused by Python's own audit events,
# which cannot be taken back (PEP 578).
_GUARD = """\
import sys
def _refuse(event, args):
    if event.startswith("socket.") and event not in {"socket.gethostname"}:
        raise PermissionError("no network here")
    if event in {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty",
                 "pty.spawn", "ctypes.dlopen", "os.kill", "os.killpg"}:
        raise PermissionError("no other processes here")
sys.addaudithook(_refuse)
del _refuse
"""
_START = """\
import runpy, sys
with open(sys.argv[1]) as guard:
    exec(compile(guard.read(), "guard", "exec"))
sys.argv = [sys.argv[2]]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one run may take. Memory is address space; `files_bytes` the size of each file it writes."""

    cpu_s: int = 5
    wall_s: float = 10.0
    memory_bytes: int = 512 << 20
    files_bytes: int = 1 << 20
    open_files: int = 64


@dataclass(frozen=True, kw_only=True)
class SandboxRun:
    """How a run ended: with exit code 0 (`passed`), else why, and the end of what it wrote.

    `network` is "none" where the process had no network interface, "refused" where Python refused sockets.
    """

    passed: bool
    why: str
    output: str
    network: Literal["none", "refused"]


def run_python(code: str, *, limits: Limits | None = None) -> SandboxRun:
    """Returns how the code ended, run by `python -I -S -B` in an empty folder that is removed afterwards.

    Nothing of the environment is passed on. The whole group of processes is killed at the end. A program that
    leaves before its last line has not passed, whatever its exit code: it did not reach its tests.
    """
    limits = limits or Limits()
    token = secrets.token_hex(16)
    code = f"{code}\n\nprint({token!r}, flush=True)\n"
    network: Literal["none", "refused"] = "none" if namespaces_allowed() else "refused"
    with tempfile.TemporaryDirectory(prefix="suffice-sandbox-") as folder:
        place = Path(folder)
        (place / "guard.py").write_text(_GUARD, encoding="utf-8")
        (place / "answer.py").write_text(code.encode("utf-8", "replace").decode(), encoding="utf-8")
        with (place / "output").open("w+b") as output:
            child = subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", "-c", _START, "guard.py", "answer.py"],
                cwd=place,
                env={"PATH": "", "HOME": folder, "TMPDIR": folder},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=functools.partial(_enclose, limits, apart=network == "none"),  # noqa: PLW1509
            )
            try:
                exit_code = child.wait(timeout=limits.wall_s)
                why = _reason(exit_code, limits)
            except subprocess.TimeoutExpired:
                why = f"it ran longer than {limits.wall_s:g} s"
            finally:
                _kill(child)
            output.seek(max(0, output.seek(0, os.SEEK_END) - _OUTPUT_BYTES))
            said = output.read(_OUTPUT_BYTES).decode("utf-8", "replace")
    if not why and not said.rstrip().endswith(token):
        why = "it ended before its last line"
    return SandboxRun(passed=why == "", why=why, output=said.replace(token, ""), network=network)


def _reason(code: int, limits: Limits) -> str:
    if code == 0:
        return ""
    if code == -signal.SIGXCPU:
        return f"it took more than {limits.cpu_s} s of processor time"
    if code == -signal.SIGXFSZ:
        return f"it wrote a file of more than {limits.files_bytes:,} bytes"
    return f"it ended with exit code {code}" if code > 0 else f"it was ended by signal {-code}"


def _kill(child: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _enclose(limits: Limits, *, apart: bool) -> None:
    """Runs in the child before Python starts: limits, and a network namespace without interfaces."""
    if apart:
        _unshare()
    for name, value in (
        ("RLIMIT_CPU", limits.cpu_s),
        ("RLIMIT_AS", limits.memory_bytes),
        ("RLIMIT_FSIZE", limits.files_bytes),
        ("RLIMIT_NOFILE", limits.open_files),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_NPROC", 0),
    ):
        if hasattr(resource, name):
            grace = 1 if name == "RLIMIT_CPU" else 0  # a signal that names the reason comes first
            resource.setrlimit(getattr(resource, name), (value, value + grace))


def _unshare() -> None:
    import ctypes  # noqa: PLC0415 - in the child, on Linux only

    ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


@functools.cache
def namespaces_allowed() -> bool:
    """Says whether this system lets a process have a network namespace of its own."""
    if not sys.platform.startswith("linux"):
        return False
    probe = f"import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare({_CLONE_NEWUSER | _CLONE_NEWNET}) != 0)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", probe], check=False, capture_output=True, timeout=30
    )
    return done.returncode == 0
