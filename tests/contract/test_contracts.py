"""Every implementation is held to its port's battery."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from suffice.adapt import registry as adapt_registry
from suffice.ledger.looks import LookBook
from suffice.ledger.store import RunStore
from suffice.models import registry
from suffice.models.http.endpoint import Endpoint
from suffice.models.http.openai import OpenAIModel
from tests.contract import batteries, tiny
from tests.contract.implementations import METERS, METHODS, MODELS, SCORERS


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_models(name: str, tmp_path: Path) -> None:
    """One answer per request, in order, alike in any company; the simulated flag is honest."""
    make, simulated, _ = MODELS[name]
    batteries.check_model(make(tmp_path), tiny.TEXTS, simulated=simulated)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, (_, _, is_classifier) in MODELS.items() if is_classifier])
def test_classifiers(name: str, tmp_path: Path) -> None:
    """Probabilities are probabilities, novelty is a share, and reasons come strongest first."""
    batteries.check_classifier(MODELS[name][0](tmp_path), tiny.TEXTS)


class Echo(BaseHTTPRequestHandler):
    """An OpenAI-compatible server whose answer depends on the text alone."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answers with a label chosen by the text's length."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        label = tiny.LABELS[len(body["messages"][-1]["content"]) % 3]
        reply = json.dumps({"choices": [{"message": {"content": label}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Says nothing."""


@pytest.fixture(name="address")
def _address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_openai_model(address: str) -> None:
    """A model behind a server is a model like any other: odd texts, order and company included."""
    batteries.check_model(
        lambda: OpenAIModel(Endpoint(base_url=address, model="echo"), labels=tiny.LABELS),
        tiny.TEXTS,
        simulated=False,
    )


@pytest.mark.parametrize("name", SCORERS)
def test_scorers(name: str) -> None:
    """1 for what is right, 0 for no answer, None where nothing is wanted."""
    make, right = SCORERS[name]
    batteries.check_scorer(make, right)


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_methods(name: str, tmp_path: Path) -> None:
    """A method seals a folder of its kind, the same bytes each time, that loads and answers."""
    make, candidate, make_teacher = METHODS[name]
    teacher = None if make_teacher is None else make_teacher(tmp_path / "teacher")
    rows = tiny.EXTRACTION if candidate.kind == "tagger" else tiny.TRAINING
    batteries.check_method(make(tmp_path), candidate, rows, place=tmp_path, teacher=teacher)


@pytest.mark.slow
@pytest.mark.parametrize("name", METERS)
def test_meters(name: str, tmp_path: Path) -> None:
    """A figure has its unit, count and interval, or a reason why there is none."""
    model = MODELS["linear"][0](tmp_path / "model")()
    batteries.check_meter(METERS[name](tmp_path), model, tiny.TEXTS)


def test_store(tmp_path: Path) -> None:
    """What was kept is found by every later store; what was changed is not."""
    with ExitStack() as stack:
        batteries.check_store(lambda: stack.enter_context(closing(RunStore(tmp_path))))


def test_look_account(tmp_path: Path) -> None:
    """Looks are counted across accounts, and a resumed one is not a new one."""
    with ExitStack() as stack:
        batteries.check_look_account(
            lambda: stack.enter_context(closing(LookBook(tmp_path / "looks.sqlite")))
        )


def test_every_kind_of_model_is_held_to_the_battery() -> None:
    """A kind in the registry without a line in the list fails here; `openai` has a test of its own."""
    assert set(registry.KINDS) == {name.split()[-1] for name in MODELS} | {"openai"}


def test_every_method_is_held_to_the_battery() -> None:
    """A method in the registry without a line in the list fails here, unless it needs an extra."""
    held = set(METHODS)
    assert held <= set(adapt_registry.METHODS)
    assert {name for name, entry in adapt_registry.METHODS.items() if entry.extra is None} <= held
