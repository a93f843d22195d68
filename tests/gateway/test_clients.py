"""Other people's clients, unchanged, over loopback: curl, LangChain, `llm`, OpenAI's for JavaScript."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.composed import KEY, Composed, served
from tests.gateway.scripts import every_script

WAITING = "No model's answer can be trusted here. A person will answer at /review/tkt_1"
_JS = Path(__file__).parent / "js"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The gateway's base URL for clients."""
    with served(Composed(every_script()).app) as address:
        yield f"{address}/v1"


def _run(*command: str, timeout_s: float = 60.0, **more: Any) -> str:
    """Returns what a program printed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False, **more)
    assert 0 == done.returncode, done.stderr
    return done.stdout


def _chat(model: str, **more: Any) -> str:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "charged twice"}], **more})


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl(url: str) -> None:
    """A chat and a stream, as in everybody's notes."""
    curl = ("curl", "-sSi", f"{url}/chat/completions", "-H", f"Authorization: Bearer {KEY}", "-H")
    head, body = _run(*curl, "Content-Type: application/json", "-d", _chat("tickets")).split("\n\n", 1)
    assert head.startswith("HTTP/1.1 200 OK")
    assert "x-suffice-tier: small" in head
    assert "billing" == json.loads(body)["choices"][0]["message"]["content"]
    streamed = _run(*curl, "Content-Type: application/json", "-N", "-d", _chat("words", stream=True))
    assert streamed.rstrip().endswith("data: [DONE]")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_without_a_content_type_is_told_what_to_type(url: str) -> None:
    """What `curl -d` sends by itself is called a form: the refusal says which header is missing."""
    answer = _run("curl", "-sS", f"{url}/chat/completions", "-H", f"Authorization: Bearer {KEY}", "-d", "{}")
    error = json.loads(answer)["error"]
    assert "content-type must be application/json" in error["message"]


@pytest.mark.slow
def test_langchain(url: str) -> None:
    """Invoke, stream, structured output and bound tools of `ChatOpenAI`."""
    openai = pytest.importorskip("langchain_openai")

    def chat(model: str) -> Any:
        return openai.ChatOpenAI(model=model, base_url=url, api_key=KEY, max_retries=0)

    answer = chat("tickets").invoke("charged twice")
    assert ("billing", 9) == (answer.content, answer.usage_metadata["total_tokens"])
    assert "linear" == answer.response_metadata["model_name"]
    assert "I will refund it: Übermaß" == "".join(
        part.content for part in chat("words").stream("charged twice")
    )
    assert "billing" == "".join(part.content for part in chat("uncounted").stream("charged twice"))
    assert "billing" == chat("uncounted").invoke("charged twice").content
    schema = {"title": "charge", "type": "object", "properties": {"charges": {"type": "integer"}}}
    assert {"charges": 2, "currency": "EUR"} == chat("fields").with_structured_output(schema).invoke(
        "charged"
    )
    queued = chat("people").invoke("charged twice")
    assert (WAITING, "content_filter") == (queued.content, queued.response_metadata["finish_reason"])
    assert WAITING == "".join(part.content for part in chat("people").stream("charged twice"))
    with pytest.raises(Exception, match="content filter"):
        chat("people").with_structured_output(schema).invoke("charged")
    spoken = openai.ChatOpenAI(model="words", base_url=url, api_key=KEY, use_responses_api=True)
    assert "I will refund it: Übermaß" == "".join(part.text for part in spoken.stream("charged twice"))
    tool = {"type": "function", "function": {"name": "refund", "parameters": {"type": "object"}}}
    (call,) = chat("tools").bind_tools([tool]).invoke("charged twice").tool_calls
    assert ("refund", {"n": 2}) == (call["name"], call["args"])


@pytest.mark.slow
def test_llm(url: str, tmp_path: Path) -> None:
    """The command `llm`, with the gateway as an extra OpenAI model."""
    pytest.importorskip("llm")
    models = [
        {"model_id": name, "model_name": name, "api_base": url, "api_key_name": "gateway"}
        for name in ("uncounted", "words", "people")
    ]
    (tmp_path / "extra-openai-models.yaml").write_text(json.dumps(models))
    (tmp_path / "keys.json").write_text(json.dumps({"gateway": KEY}))
    environment = {**os.environ, "LLM_USER_PATH": str(tmp_path)}
    llm = (sys.executable, "-m", "llm", "prompt", "-m")
    assert "billing\n" == _run(*llm, "uncounted", "--no-stream", "charged twice", env=environment)
    assert "I will refund it: Übermaß\n" == _run(*llm, "words", "charged twice", env=environment)
    for how in ((), ("--no-stream",)):
        assert f"{WAITING}\n" == _run(*llm, "people", *how, "charged twice", env=environment)


@pytest.fixture(scope="module")
def javascript(pytestconfig: pytest.Config) -> Path:
    """A folder with the official client for JavaScript, as locked and kept between runs; else skips."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    lock = (_JS / "package-lock.json").read_bytes()
    cache = pytestconfig.cache
    assert cache is not None
    place = cache.mkdir("gateway-js") / hashlib.sha256(lock).hexdigest()[:16]
    if not (place / "node_modules" / "openai").is_dir():
        making = place.with_name(f"{place.name}.{os.getpid()}")
        shutil.copytree(_JS, making)
        install = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
        done = subprocess.run(install, cwd=making, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            shutil.rmtree(making)
            pytest.skip(f"npm could not install the package openai: {done.stderr.strip()[-200:]}")
        shutil.rmtree(place, ignore_errors=True)
        making.rename(place)
    shutil.copy(_JS / "ask.mjs", place)
    return place


@pytest.mark.slow
def test_the_official_javascript_client(url: str, javascript: Path) -> None:
    """Chats, streams, headers, structured output, lists and errors, as its users meet them."""
    heard = json.loads(_run("node", str(javascript / "ask.mjs"), url, KEY))
    assert {
        "text": "billing",
        "tier": "small",
        "hasId": True,
        "words": "I will refund it: Übermaß",
        "spoken": "I will refund it: Übermaß",
        "models": ["large-v2"],
        "total": 14,
        "listed": True,
        "fields": {"charges": 2, "currency": "EUR"},
        "queued": [202, "content_filter", WAITING],
        "queuedStream": [WAITING, 0],
        "queuedFields": "ContentFilterFinishReasonError  ",
        "unknown": "NotFoundError 404 model_not_found",
        "limited": "RateLimitError 429 rate_limit_exceeded",
        "broken": "APIError  stream_broke",
    } == heard
