"""`suffice serve` and `suffice shadow` as a user types them: real processes on loopback."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from suffice.certify import statement
from suffice.cli.main import main
from suffice.cli.options import Common
from suffice.cli.serve import announcing, words
from suffice.compose.serving import Begun, kept_from
from suffice.ledger.home import home
from suffice.serve.site.read import site_of
from tests.gateway.replying import replying
from tests.unit.adapt import toy_desk
from tests.unit.serve.tiers import tiny_run

pytestmark = pytest.mark.slow


@dataclass
class Process:
    """A started command, its first line of JSON, and what it printed at its end."""

    popen: subprocess.Popen[str]
    begun: dict[str, Any]
    said: str = ""
    errors: str = ""

    def ask(self, text: str, *, key: str, model: str = "desk") -> tuple[int, dict[str, str], dict[str, Any]]:
        """Returns status, headers and body of a chat."""
        place = self.begun["url"].removeprefix("http://")
        connection = http.client.HTTPConnection(place, timeout=60)
        with contextlib.closing(connection):
            body = {"model": model, "messages": [{"role": "user", "content": text}]}
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            reply = connection.getresponse()
            told = {name.lower(): value for name, value in reply.getheaders()}
            return reply.status, told, json.loads(reply.read())


@contextlib.contextmanager
def started(*arguments: object) -> Iterator[Process]:
    """Starts a command that serves, and ends it as Ctrl-C does; it must leave with 0."""
    command = [sys.executable, "-m", "suffice", *map(str, arguments)]
    popen = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert popen.stdout is not None
    try:
        line = popen.stdout.readline()
        if not line.startswith("{"):
            raise AssertionError(f"it did not begin: {popen.communicate(timeout=60)}")
        process = Process(popen, json.loads(line))
        yield process
        popen.send_signal(signal.SIGINT)
        process.said, process.errors = popen.communicate(timeout=60)
        assert 0 == popen.returncode
        assert "Traceback" not in process.errors
    finally:
        if popen.poll() is None:
            popen.kill()
            popen.communicate()


@pytest.fixture(name="run")
def certified_run(tmp_path: Path) -> Path:
    """A run folder with a certified linear rung, which passes up what it is not sure of."""
    rung = tiny_run.linear(tmp_path / "linear")
    return tiny_run.certify(tiny_run.bundle(tmp_path / "desk", {"linear": rung}, threshold=0.5))


def test_a_bundle_is_served_with_a_key_shown_once(run: Path):
    """The first start shows a key, the second does not; the audit log of both holds."""
    text = toy_desk.rows(40).dev[0].text
    with started("serve", run, "--listen", "127.0.0.1:0", "--json") as first:
        key = first.begun["key"]
        status, headers, body = first.ask(text, key=key)
        assert (200, "desk", "local", "false") == (
            status,
            headers["x-suffice-tier"],
            headers["x-suffice-place"],
            headers["x-suffice-escalated"],
        )
        assert 64 == len(headers["x-suffice-certificate"])
        assert body["choices"][0]["message"]["content"] in toy_desk.rows(40).labels
        assert 401 == first.ask(text, key="sk-sf-aaaaaaaaaaaa-" + "b" * 43)[0]
        status, headers, body = first.ask(text, key=key, model="other")
        assert (404, "model_not_found") == (status, body["error"]["code"])
    with started("serve", run, "--listen", "127.0.0.1:0", "--json") as second:
        assert second.begun["key"] is None
        assert 200 == second.ask(text, key=key)[0]
    with pytest.raises(SystemExit) as verified:
        main(["audit-log", "verify", "--json"])
    assert 0 == verified.value.code


def test_a_new_bundle_is_taken_in_at_sighup(run: Path, tmp_path: Path):
    """Another certificate in the replies, without a restart; a damaged one is refused and the old goes on."""
    text = toy_desk.rows(40).dev[0].text
    with started("serve", run, "--listen", "127.0.0.1:0", "--json") as process:
        key = process.begun["key"]
        before = process.ask(text, key=key)[1]["x-suffice-certificate"]
        tiny_run.bundle(run, {"linear": tiny_run.linear(tmp_path / "again", n=200)}, threshold=0.5)
        tiny_run.certify(run, seed=1)
        process.popen.send_signal(signal.SIGHUP)
        after = before
        for _ in range(200):
            after = process.ask(text, key=key)[1]["x-suffice-certificate"]
            if after != before:
                break
        assert after != before
    assert "bundle desk: taken in anew" in process.errors


@pytest.fixture(name="online")
def _online(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process does not go offline: that could not be undone for the tests to come."""
    monkeypatch.delenv("SUFFICE_OFFLINE", raising=False)


@pytest.mark.usefixtures("online")
def test_what_is_not_certified_is_refused_with_what_to_type(run: Path, capsys: pytest.CaptureFixture[str]):
    """A changed byte leaves with 1, a missing certificate too, as in `verify`; no traceback."""
    weights = next((run / statement.BUNDLE / "model").rglob("*.safetensors"))
    weights.write_bytes(weights.read_bytes() + b"\0")
    for code, expected in ((1, "safetensors"), (1, "has no certificate")):
        with pytest.raises(SystemExit) as refused:
            main(["serve", str(run), "--listen", "127.0.0.1:0"])
        assert code == refused.value.code
        error = capsys.readouterr().err
        assert expected in error
        assert "Traceback" not in error
        (run / statement.FILE).unlink(missing_ok=True)
        (run / statement.ENVELOPE).unlink(missing_ok=True)
        weights.write_bytes(weights.read_bytes()[:-1])


@pytest.mark.usefixtures("online")
def test_what_stands_in_the_way_is_told_with_what_to_type(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """A task file, the bundle's own folder, a server's key that is not set, a signer who is not known."""
    task = tmp_path / "task.yaml"
    task.write_text("version: 1\nname: a\nkind: classify\ndata: d.jsonl\nbars: {}\n")
    site = tmp_path / "site.yaml"
    site.write_text(
        "suffice: 1\nmodels: {m: {tiers: [big]}}\ntiers: {big: {kind: upstream, "
        "base_url: 'http://127.0.0.1:9/v1', model: x, api_key_env: UNSET_KEY}}\n"
    )
    monkeypatch.delenv("UNSET_KEY", raising=False)
    told = {
        task: f"type `suffice run {task}`",
        run / statement.BUNDLE: f"give the run folder around it: {run}",
        site: "export UNSET_KEY=",
    }
    for place, expected in told.items():
        with pytest.raises(SystemExit) as refused:
            main(["serve", str(place), "--listen", "127.0.0.1:0"])
        assert 2 == refused.value.code
        assert expected in capsys.readouterr().err
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(SystemExit):
        main(["serve", str(run), "--listen", "127.0.0.1:0"])
    assert "--key FILE" in capsys.readouterr().err


def test_a_machine_that_did_not_sign_serves_by_the_signers_key(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """With --key the certificate of another machine holds, and it is served as certified."""
    signer = home() / "keys" / "ed25519.pub.pem"
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "elsewhere"))
    with started("serve", run, "--key", signer, "--listen", "127.0.0.1:0", "--json") as process:
        assert [] == process.begun["uncertified"]


def test_a_key_that_was_made_is_shown_even_when_quiet(capsys: pytest.CaptureFixture[str]):
    """It is shown once or never; `keys create --quiet` prints it alone, for scripts."""
    begun = Begun(url="http://127.0.0.1:1", key="sk-sf-a-b", warning=None, models=("m",), uncertified=())
    announcing(Common(as_json=False, quiet=True, seed=0, offline=False))(begun)
    assert "sk-sf-a-b\n" == capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["keys", "create", "ci", "--quiet"])
    assert re.fullmatch(r"sk-sf-\S+\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("more", "privacy", "told"),
    [
        ("", "", ["near"]),
        (", trusted_local: true", "", []),
        ("", "privacy: {default: allow}\n", []),
        ("", "privacy: {default: allow, classes: {email: mask}}\n", ["near"]),
    ],
)
def test_a_server_nearby_that_counts_as_outside_is_told_at_the_start(tmp_path: Path, more, privacy, told):
    """Who sets up a model server on this machine learns why private data does not reach it."""
    site = tmp_path / "site.yaml"
    site.write_text(
        "suffice: 1\nhome: home\nmodels: {m: {tiers: [near]}}\n" + privacy + "tiers: {near: {kind: upstream, "
        f"base_url: 'http://127.0.0.1:9/v1', model: x{more}}}}}\n"
    )
    assert told == [*kept_from(site_of(site))]


def test_the_note_of_servers_nearby_says_what_to_write():
    """In words, between the address and the key."""
    begun = Begun(url="u", key="k", warning=None, models=("m",), uncertified=(), nearby=("a", "b"))
    text = words(begun)
    assert "private data is kept from a, b" in text
    assert "trusted_local: true" in text


def test_an_uncertified_bundle_says_so_in_every_reply(run: Path):
    """With --allow-uncertified it is served; start and header say that nothing was shown of it."""
    (run / statement.FILE).unlink()
    (run / statement.ENVELOPE).unlink()
    with started("serve", run, "--listen", "127.0.0.1:0", "--allow-uncertified", "--json") as process:
        assert ["desk"] == process.begun["uncertified"]
        _, headers, _ = process.ask(toy_desk.rows(40).dev[0].text, key=process.begun["key"])
        assert "none" == headers["x-suffice-certificate"]


def test_a_shadow_answers_with_the_model_in_use_and_counts_what_would_change(run: Path):
    """Clients get the server's answers; at the end it is told how many the bundle would have given too."""
    rows = toy_desk.rows(40).dev[:6]
    private = "my order, and write to jo.doe@example.org"  # as before it goes to the server in use
    wanted = {sample.text: str(sample.target) for sample in rows} | {private: "other"}
    with (
        replying(lambda asked: wanted[asked["messages"][-1]["content"]]) as server,
        started(
            "shadow",
            run,
            *("--upstream", f"{server}/v1", "--model", "large", "--listen", "127.0.0.1:0", "--json"),
        ) as process,
    ):
        for sample in rows:
            _, headers, body = process.ask(sample.text, key=process.begun["key"])
            assert "remote" == headers["x-suffice-place"]
            assert wanted[sample.text] == body["choices"][0]["message"]["content"]
        assert 200 == process.ask(private, key=process.begun["key"], model="large")[0]
    summary = json.loads(process.said)
    assert len(wanted) == summary["n"]
    assert 0 < summary["n_kept"] <= len(wanted)
    assert summary["changed"]["lower"] <= 1 - summary["n_same"] / len(wanted)
    kept = (home() / "gateway" / "shadow" / "desk.jsonl").read_text()
    assert not [text for text in wanted if text in kept]
