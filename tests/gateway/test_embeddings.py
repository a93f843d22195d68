"""Vectors over real HTTP, by OpenAI's own client: from a bundle's encoder or from a server, never both."""

import shutil

import openai
import pytest
from openai import OpenAI

from suffice.bundle import encoder_folder
from suffice.models.embedder import Embedder
from tests.gateway.standing import running, upstream
from tests.unit.serve.tiers import tiny_run

pytestmark = pytest.mark.slow

PATH = "/v1/embeddings"
SITE = """\
suffice: 1
home: home
trusted_key: suffice-home/keys/ed25519.pub.pem
models:
  desk: {{bundle: run, escalate_to: [big], escalate_below: 0.99, reference: big}}
  plain: {{bundle: small}}
  gone: {{bundle: gone, escalate_to: [big]}}
  up: {{tiers: [plain, big]}}
  only: {{tiers: [people, big]}}
tiers:
  big:
    kind: upstream
    base_url: http://127.0.0.1:{port}/v1
    model: m
    usd_per_1m_input: 1000
    usd_per_1m_output: 1000
  people: {{kind: human}}
privacy: {{default: allow}}
"""
TEXTS = ["lost my card", "thanks", "日本語 please"]
REMOTE = {
    "object": "list",
    "model": "vectors-1",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.6, 0.8]}],
    "usage": {"prompt_tokens": 3, "total_tokens": 3},
}


@pytest.fixture(name="server", scope="module")
def server_fixture():
    """Returns a server that makes vectors."""
    with upstream() as seen:
        seen.bodies[PATH] = REMOTE
        yield seen


@pytest.fixture(name="folder", scope="module")
def folder_fixture(tmp_path_factory):
    """Returns the folder of the site."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture(name="gateway", scope="module")
def gateway_fixture(server, folder):
    """Returns a running gateway with a bundle that has an encoder, one that has none, and a server."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SUFFICE_HOME", str(folder / "suffice-home"))
        tiny_run.certify(tiny_run.bundle(folder / "run", {"encoder": tiny_run.encoder(folder / "encoder")}))
        shutil.copytree(folder / "run", folder / "gone")
        tiny_run.certify(tiny_run.bundle(folder / "small", {"linear": tiny_run.linear(folder / "linear")}))
        (folder / "site.yaml").write_text(SITE.format(port=server.port))
        with running(folder / "site.yaml") as gateway:
            (folder / "gone" / "certificate.json").unlink()
            yield gateway


@pytest.fixture(name="key", scope="module")
def key_fixture(gateway):
    """Returns a key that may ask."""
    return gateway.new_key()[1]


@pytest.fixture(name="client", scope="module")
def client_fixture(gateway, key):
    """Returns OpenAI's client."""
    with OpenAI(base_url=f"http://127.0.0.1:{gateway.port}/v1", api_key=key, max_retries=0) as client:
        yield client


def test_vectors_are_the_encoders_in_both_formats(client, folder):
    """As base64, which the client asks for by itself, and as numbers; tokens are counted."""
    wanted = Embedder(encoder_folder(folder / "run" / "bundle")).embed(TEXTS)
    made = client.embeddings.create(model="desk", input=TEXTS)
    assert wanted.vectors.tolist() == [one.embedding for one in made.data]
    assert [0, 1, 2] == [one.index for one in made.data]
    assert int(wanted.tokens_read.sum()) == made.usage.prompt_tokens == made.usage.total_tokens
    assert "desk/encoder" == made.model
    plain = client.embeddings.create(model="desk", input=TEXTS[0], encoding_format="float")
    assert made.data[0].embedding == plain.data[0].embedding


def test_headers_say_that_no_certificate_speaks_of_vectors(client):
    """The bundle is certified, and its certificate is about answers."""
    raw = client.embeddings.with_raw_response.create(model="desk", input="hello")
    told = [raw.headers[f"x-suffice-{name}"] for name in ("tier", "place", "certificate", "escalated")]
    assert ["desk", "local", "none", "false"] == told


def test_dimensions_are_what_they_are(client):
    """The encoder's own number is fine, another is an error that names both."""
    width = len(client.embeddings.create(model="desk", input="hello").data[0].embedding)
    assert width == len(
        client.embeddings.create(model="desk", input="hello", dimensions=width).data[0].embedding
    )
    with pytest.raises(openai.BadRequestError, match=f"have {width} dimensions, not 7") as raised:
        client.embeddings.create(model="desk", input="hello", dimensions=7)
    assert "dimensions" == raised.value.param


def test_a_text_too_long_is_an_error_with_both_numbers(client, server):
    """Nothing is cut, and no other model's vector stands in for it."""
    before = len(server.received)
    with pytest.raises(openai.BadRequestError, match=r"first \d+ of \d+ tokens") as raised:
        client.embeddings.create(model="desk", input=["short", "word " * 9000])
    assert ("context_length_exceeded", "input") == (raised.value.code, raised.value.param)
    assert before == len(server.received)


def test_tokens_are_not_for_an_encoder_whose_tokens_they_are_not(client, server):
    """A clear error; a server gets them as they are."""
    with pytest.raises(openai.BadRequestError, match="send texts"):
        client.embeddings.create(model="desk", input=[1, 2, 3])
    assert [0.6, 0.8] == client.embeddings.create(model="only", input=[[1, 2]]).data[0].embedding
    assert [[1, 2]] == server.received[-1][1]["input"]


def test_a_server_makes_them_where_no_bundle_does(client):
    """A bundle without an encoder is passed by, as are people; the served model is named."""
    for model in ("up", "only"):
        raw = client.embeddings.with_raw_response.create(model=model, input="hello", encoding_format="float")
        made = raw.parse()
        assert ("vectors-1", [0.6, 0.8]) == (made.model, made.data[0].embedding)
        assert ("big", "remote") == (raw.headers["x-suffice-tier"], raw.headers["x-suffice-place"])


def test_a_call_that_must_stay_here_is_answered_here_or_not_at_all(gateway, key):
    """The header keeps it from the server."""
    for model, status in (("desk", 200), ("up", 403)):
        answer = gateway.ask(PATH, {"model": model, "input": "x"}, key=key, x_suffice_local_only="true")
        assert status == answer.status


def test_an_encoder_that_cannot_be_opened_any_more(client, server):
    """The client is told which tier failed, and no more; the server's vectors do not stand in for its."""
    before = len(server.received)
    with pytest.raises(openai.InternalServerError, match="encoder cannot be opened") as raised:
        client.embeddings.create(model="gone", input="hello")
    assert "certificate" not in raised.value.message
    assert before == len(server.received)


def test_a_model_that_makes_no_vectors_says_so(client):
    """A linear rung has none."""
    with pytest.raises(openai.BadRequestError, match="plain makes no vectors"):
        client.embeddings.create(model="plain", input="hello")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": {"text": "x"}}, "input"),
        ({"input": ["x", 1.5]}, "input"),
        ({"input": ["x", [1]]}, "input"),
        ({"input": ["x"] * 2049}, "input"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"encoding_format": []}, "encoding_format"),
        ({"dimensions": 0}, "dimensions"),
        ({"model": 3}, "model"),
    ],
)
def test_bodies_that_cannot_be_used(gateway, key, change, param):
    """A 400 names the field."""
    answer = gateway.ask(PATH, {"model": "desk", "input": "x", **change}, key=key)
    assert (400, param) == (answer.status, answer.body["error"]["param"])
