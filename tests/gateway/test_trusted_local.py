"""A model server beside the gateway trusted as local: it gets what must stay, and the log says so."""

import json

import pytest

from suffice.cli.main import main
from tests.gateway.standing import running, upstream

SITE = """\
suffice: 1
home: home
models:
  near: {{tiers: [ollama]}}
  far: {{tiers: [other]}}
tiers:
  ollama: {{kind: upstream, base_url: "http://127.0.0.1:{port}/v1", model: m, trusted_local: true}}
  other: {{kind: upstream, base_url: "http://127.0.0.1:{port}/v1", model: m}}
privacy: {{default: local_only, classes: {{email: mask}}}}
"""
CARD = "my card is 4111 1111 1111 1111"
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


def chat(model, text, **more):
    """Returns the body of a chat of one turn."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


@pytest.mark.slow
def test_what_must_stay_is_answered_by_a_server_that_is_trusted_as_local(tmp_path, capsys):
    """Classes, wishes and tools; unmasked; headers, audit log and `prove` say where it went."""
    file = tmp_path / "site.yaml"
    with upstream() as server:
        file.write_text(SITE.format(port=server.port))
        with running(file) as gateway:
            _, key = gateway.new_key()
            path = "/v1/chat/completions"
            refused = gateway.ask(path, chat("far", CARD), key=key)
            kept = gateway.ask(path, chat("near", CARD, tools=TOOLS), key=key)
            wished = gateway.ask(path, chat("near", "hello"), key=key, x_suffice_local_only="true")
            whole = gateway.ask(path, chat("near", "I am ann@example.org"), key=key)
        sent = [body["messages"][0]["content"] for _, body in server.received]
    assert (403, 200, 200, 200) == (refused.status, kept.status, wished.status, whole.status)
    assert [CARD, "hello", "I am ann@example.org"] == sent
    assert "trusted_local" == kept.headers["x-suffice-place"] == kept.body["suffice"]["place"]
    proof = proved(capsys, tmp_path / "home", "card")
    assert (True, 2, 0) == (proof["holds"], proof["with_class"], proof["left"])
    address = f"127.0.0.1:{server.port}"
    assert [{"tier": "ollama", "addresses": [address], "calls": 3, "with_class": 1}] == proof["trusted_local"]
    assert f"the site trusts as local (ollama at {address} was sent 1 of them)" in proof["verdict"]


def proved(capsys, home, data_class):
    """Returns what `suffice audit-log prove --json` says."""
    with pytest.raises(SystemExit) as left:
        main(["audit-log", "prove", str(home), "--class", data_class, "--never-left", "local", "--json"])
    assert 0 == left.value.code
    return json.loads(capsys.readouterr().out)
