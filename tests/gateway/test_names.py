"""A bundle that finds names stands before every server: names are masked on the way out, and put back."""

import asyncio
import shutil

import pytest

from suffice.compose.names import opened_names
from suffice.errors import NotCertified, SpecError
from suffice.serve.site.read import site_of
from tests.gateway.standing import running, upstream
from tests.unit.serve.privacy import tiny_names
from tests.unit.serve.tiers import tiny_run

SITE = """\
suffice: 1
home: home
models: {{chat: {{tiers: [big]}}}}
tiers: {{big: {{kind: upstream, base_url: "http://127.0.0.1:{port}/v1", model: m, allow_private: true}}}}
privacy:
  default: allow
  classes: {{name: mask, address: local_only}}
  names: {names}
"""
NAMES = "{bundle: people, allow_uncertified: true, fields: {person: name, street: address}}"


@pytest.fixture(name="people", scope="module")
def _people(tmp_path_factory):
    """A run folder whose bundle finds people and streets."""
    return tiny_names.run(tmp_path_factory.mktemp("run") / "people")


@pytest.fixture(name="site")
def _site(people, tmp_path):
    """What writes a site file beside a copy of the run."""
    shutil.copytree(people, tmp_path / "people")

    def write(names=NAMES, port=9):
        path = tmp_path / "site.yaml"
        path.write_text(SITE.format(names=names, port=port))
        return path

    return write


def opened(path):
    """Opens what looks for names of a site file, as the gateway does when it starts, and closes it."""

    async def open_():
        async with opened_names(site_of(path)) as finders:
            return [finder.classes for finder in finders]

    return asyncio.run(open_())


def test_names_are_masked_before_a_server_sees_them(site):
    """In messages and in arguments of tools; the reply has them back; a street keeps the call here."""
    arguments = '{"note":"the parcel for Dina Quint was late"}'
    tool_call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    messages = [
        {"role": "user", "content": "please write to Gus Petrov today"},
        {"role": "assistant", "content": None, "tool_calls": [tool_call]},
        {"role": "tool", "tool_call_id": "c", "content": "done"},
    ]
    with upstream() as server:
        choice = {"index": 0, "message": {"role": "assistant", "content": "Dear [NAME_1],"}}
        server.bodies["/v1/chat/completions"] = {"choices": [{**choice, "finish_reason": "stop"}]}
        with running(site(port=server.port)) as gateway:
            _, key = gateway.new_key()
            reply = gateway.ask("/v1/chat/completions", {"model": "chat", "messages": messages}, key=key)
            street = [{"role": "user", "content": "Dina Quint lives at 12 Elm Road"}]
            kept = gateway.ask("/v1/chat/completions", {"model": "chat", "messages": street}, key=key)
            looked_for = gateway.standing.records.log.terms.looked_for
    assert "Dear Gus Petrov," == reply.body["choices"][0]["message"]["content"]
    sent = [body["messages"] for _, body in server.received]
    assert 1 == len(sent)
    assert "please write to [NAME_1] today" == sent[0][0]["content"]
    told = sent[0][1]["tool_calls"][0]["function"]["arguments"]
    assert '{"note":"the parcel for [NAME_2] was late"}' == told
    assert 200 != kept.status
    assert {"name", "address"} < looked_for


def test_a_certified_bundle_is_opened_from_bytes_that_were_checked(site):
    """Without leave one without certificate is refused; with one that holds it is opened; changed, not."""
    path = site("{bundle: people, fields: {person: name, street: address}}")
    folder = path.parent / "people"
    with pytest.raises(NotCertified):
        opened(path)
    tiny_run.certify(folder)
    assert [("name", "address")] == opened(path)
    weights = next(folder.rglob("weights.safetensors"))
    weights.write_bytes(weights.read_bytes() + b"x")
    with pytest.raises(NotCertified):
        opened(path)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("{bundle: nowhere, fields: {person: name, street: address}}", "there is no folder"),
        ("{bundle: people, allow_uncertified: true, fields: {a: name, street: address}}", "no field 'a'"),
    ],
)
def test_what_cannot_be_opened_stops_the_start(site, names, words):
    """A missing folder, a field that is none."""
    with pytest.raises(SpecError, match=words):
        opened(site(names))


def test_a_classifier_finds_no_names(site):
    """A bundle of another kind is refused by its kind."""
    path = site("{bundle: desk, allow_uncertified: true, fields: {street: address}}")
    desk = path.parent / "desk"
    tiny_run.bundle(desk, {"linear": tiny_run.linear(desk / "made")})
    with pytest.raises(SpecError, match="kind classify"):
        opened(path)
