"""This machine's ports and cores, as the processes of a comparison need them."""

import shutil
import socket


def free_port() -> int:
    """Returns a port of loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """Says whether a server takes connections at a port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def taskset() -> str:
    """Returns the program that keeps a process on one core."""
    program = shutil.which("taskset")
    if program is None:
        raise SystemExit("taskset is not installed: it keeps gateway and load on cores of their own")
    return program
