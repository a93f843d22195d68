"""Code under its tests, and what the sandbox does not let it do."""

import asyncio
import contextlib
import socket
import threading

import pytest

from suffice.score.sandbox import Limits, namespaces_allowed, run_python
from suffice.score.unit_tests import UnitTestScorer

TESTS = "assert add(1, 2) == 3"


def score(answer, wanted=TESTS):
    """Returns the score of one answer."""
    return asyncio.run(UnitTestScorer().score([wanted], [answer]))[0]


def test_code_that_passes_its_tests():
    """Bare code, or code in a block with prose around it."""
    assert 1 == score("def add(a, b):\n    return a + b").value
    assert 1 == score("Here it is:\n```python\ndef add(a, b):\n    return a + b\n```\nEnjoy.").value


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("def add(a, b):\n    return a - b", "AssertionError"),
        ("def add(a, b) return", "SyntaxError"),
        ("import sys; sys.exit(0)", "before its last line"),
        ("import os; os._exit(0)\ndef add(a, b): return 3", "before its last line"),
        ("I cannot", "SyntaxError"),
    ],
)
def test_code_that_fails_says_why(answer, why):
    """A wrong result, a syntax error, leaving early: all are failures with their reason."""
    found = score(answer)
    assert 0 == found.value
    assert why in found.why


def test_no_answer_is_wrong_and_no_tests_are_no_truth():
    """As with every scorer."""
    assert (0, None) == (score(None).value, score("x = 1", None).value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("while True: pass", "processor time"),
        ("import time; time.sleep(60)", "longer than"),
        ("x = bytearray(10**10)", "exit code 1"),
        ("open('x', 'wb').write(b'0' * 10**7)", ""),
        ("import os; os.fork()", "exit code 1"),
        ("import subprocess; subprocess.run(['true'])", "exit code 1"),
    ],
)
def test_limits_are_kept(code, why):
    """Endless loops, sleep, memory, files and processes end the run, and only it."""
    run = run_python(code, limits=Limits(cpu_s=1, wall_s=2.0 if "sleep" in code else 60.0))
    assert not run.passed
    assert why in run.why


def test_there_is_no_network():
    """A listener on this machine is not reached, and the run says how that was done."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        heard = []
        server.settimeout(0.5)

        def listen():
            with contextlib.suppress(TimeoutError):
                heard.append(server.accept())

        ear = threading.Thread(target=listen)
        ear.start()
        port = server.getsockname()[1]
        run = run_python(f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)")
        ear.join()
    assert ([], False) == (heard, run.passed)
    assert ("none" if namespaces_allowed() else "refused") == run.network


def test_the_environment_stays_outside(monkeypatch, tmp_path):
    """Keys in the environment and the user's packages are not seen; the folder is gone afterwards."""
    monkeypatch.setenv("SECRET_KEY", "s3cret")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run = run_python("import os, sys; print(dict(os.environ), os.getcwd()); import numpy")
    assert "s3cret" not in run.output
    assert "No module named 'numpy'" in run.output
    assert [] == list(tmp_path.iterdir())
