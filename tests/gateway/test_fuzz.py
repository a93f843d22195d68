"""Requests made by schemathesis of the OpenAPI document, against a whole gateway: no fault."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from suffice.serve.wire import openapi
from tests.gateway.standing import Running, running, upstream
from tests.unit.adapt import toy_desk
from tests.unit.serve.tiers import tiny_run

pytestmark = pytest.mark.slow

SITE = """\
suffice: 1
home: home
models: {{desk: {{bundle: run}}, high: {{tiers: [desk, big]}}, big: {{tiers: [big]}}}}
tiers: {{big: {{kind: upstream, base_url: "http://127.0.0.1:{port}/v1", model: m}}}}
privacy: {{default: mask}}
"""
CHECKS: Any = [status_code_conformance, content_type_conformance, response_schema_conformance]
DOCUMENT = schemathesis.openapi.from_dict(openapi.described())
OPERATIONS: list[Any] = [result.ok() for result in DOCUMENT.get_all_operations()]  # type: ignore[union-attr]
# A quick look at every change; `python -m bench.gateway.fuzz` sends many more.
EXAMPLES = 8


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Returns a running gateway with a certified bundle and a server that answers every path with a chat."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patched, upstream() as seen:
        patched.setenv("SUFFICE_HOME", str(folder / "suffice-home"))
        rung = tiny_run.linear(folder / "rung")
        tiny_run.certify(tiny_run.bundle(folder / "run", {"linear": rung}))
        (folder / "site.yaml").write_text(SITE.format(port=seen.port))
        with running(folder / "site.yaml") as gateway:
            yield gateway


@pytest.fixture(scope="module")
def key(gateway: Running) -> str:
    """Returns a key that may do everything but administer."""
    return gateway.new_key(scopes=frozenset({"call", "feedback", "view", "tiers"}))[1]


def test_the_document_is_sound() -> None:
    """By the meta-schema of OpenAPI 3.1, which schemathesis brings along."""
    DOCUMENT.validate()
    assert len(openapi.ENDPOINTS) == len(OPERATIONS)


@pytest.mark.parametrize(
    "mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value
)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_requests_of_any_kind(operation: Any, mode: GenerationMode, gateway: Running, key: str) -> None:
    """Sound and unsound ones: no 500, no status, type or form that the document does not tell of, no hang."""
    if mode is GenerationMode.NEGATIVE and not (operation.body or operation.headers):
        pytest.skip("there is nothing that could be wrong in it")
    url = f"http://127.0.0.1:{gateway.port}"
    names = st.sampled_from(["desk", "high", "big", None])

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode), name=names)
    def asks(case: Any, name: str | None) -> None:
        if name is not None and isinstance(case.body, dict) and "model" in case.body:
            case.body["model"] = name
            if case.headers is not None:
                case.headers.pop("x-suffice-route", None)
        response = case.call(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=10)
        assert 500 != response.status_code
        assert "Traceback" not in response.text
        case.validate_response(response, checks=CHECKS)

    asks()


def test_the_gateway_is_well_afterwards(gateway: Running, key: str) -> None:
    """It answers, and has lost no event."""
    text = toy_desk.texts(1, seed=3)[0][0]
    chat = {"model": "big", "messages": [{"role": "user", "content": text}]}
    assert 200 == gateway.ask("/v1/chat/completions", chat, key=key).status
    assert {"status": "ok", "troubles": {}} == gateway.ask("/health").body
