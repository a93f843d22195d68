"""The site file: what is accepted, and what each mistake is told."""

import hashlib
import json
from pathlib import Path

import pytest

from suffice.errors import ArtefactError, SpecError
from suffice.models.http.spend import Price
from suffice.serve.route import Route
from suffice.serve.site.read import site_of
from suffice.serve.site.site import Audit, Served, ServerLimits

FULL = """\
suffice: 1
listen: 127.0.0.1:9000
home: gateway
models:
  tickets:
    bundle: runs/tickets
    escalate_to: [big, people]
    escalate_below: 0.9
    novelty_above: 0.5
    system_prompts: [You route tickets.]
    reference: big
    hedge_after_s: 2
    timeout_s: 30
  chat: {tiers: [mistral, big]}
tiers:
  big: {kind: upstream, base_url: https://api.example.com/v1, model: big-1, api_key_env: BIG_KEY,
        usd_per_1m_input: 2.5, usd_per_1m_output: 10, drop_params: [seed]}
  mistral: {kind: upstream, base_url: http://127.0.0.1:8000/v1, model: mistral-7b, allow_private: true}
  people: {kind: human}
privacy: {default: allow}
audit: {contents: true}
limits: {body_bytes: 1000}
hosts: [gateway.example.com]
trusted_key: signer.pem
"""


def written(folder: Path, text: str = FULL) -> Path:
    """Returns the path of a site file beside a run folder."""
    (folder / "runs" / "tickets").mkdir(parents=True, exist_ok=True)
    path = folder / "site.yaml"
    path.write_text(text)
    return path


def complaint(folder: Path, text: str) -> tuple[str, str]:
    """Returns the message, without the folder, and the hint."""
    with pytest.raises(SpecError) as caught:
        site_of(written(folder, text))
    return caught.value.message.replace(f"{folder}/", ""), caught.value.hint or ""


def test_reads_every_key(tmp_path: Path) -> None:
    """Each key arrives with its value, paths start from the file's folder, the rest has its default."""
    site = site_of(written(tmp_path))
    assert ("127.0.0.1", 9000, tmp_path / "gateway") == (site.host, site.port, site.home)
    prompt = hashlib.sha256(b"You route tickets.").hexdigest()
    assert site.routes["tickets"] == Route(
        name="tickets",
        tiers=("tickets", "big", "people"),
        escalate_below=0.9,
        novelty_above=0.5,
        system_prompts=frozenset({prompt}),
        reference="big",
        hedge_after_s=2.0,
        timeout_s=30.0,
    )
    assert Route(name="chat", tiers=("mistral", "big")) == site.routes["chat"]
    assert (Served(name="tickets", folder=tmp_path / "runs" / "tickets"),) == site.served
    big, mistral = site.upstreams
    assert ("BIG_KEY", Price(usd_per_1m_input=2.5, usd_per_1m_output=10)) == (
        big.endpoint.api_key_env,
        big.endpoint.price,
    )
    assert (frozenset({"seed"}), False) == (big.drop_params, big.allow_private)
    assert mistral.allow_private
    assert ("people",) == site.people
    assert Audit(contents=True, required=True) == site.audit
    assert ServerLimits(body_bytes=1000) == site.limits
    assert f"sqlite:///{tmp_path}/gateway/gateway.sqlite" == site.store.url
    assert (("gateway.example.com",), tmp_path / "signer.pem") == (site.hosts, site.trusted_key)
    assert not site.offline


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("suffice: 1\n", "", "the key 'suffice' is missing", "docs/site-file.md"),
        ("suffice: 1\n", "suffice: 2\n", "site.yaml, line 1: 'suffice' is 2", ""),
        ("listen:", "bind:", "site.yaml, line 2: unknown key 'bind'", "did you mean 'listen'?"),
        (
            "escalate_to:",
            "escalate_too:",
            "line 7: unknown key",
            "'escalate_to'",
        ),
        (", model: big-1", ", modle: big-1", "unknown key 'tiers.big.modle'", "did you mean 'model'?"),
        (", model: big-1", "", "the key 'tiers.big.model' is missing", ""),
        ("kind: human", "kind: humans", "'tiers.people'", ""),
        ("tiers: [mistral, big]", "tiers: [mistral, bug]", "there is no tier 'bug'", "did you mean 'big'?"),
        ("tiers: [mistral, big]", "tiers: [big, big]", "a tier is named twice", ""),
        ("tiers: [mistral, big]", "escalate_to: [big]", "give one of: 'bundle'", ""),
        ("tiers: [mistral, big]", "tiers: [big], escalate_to: [mistral]", "stands beside 'bundle'", ""),
        ("tiers: [mistral, big]", "tiers: [big], allow_uncertified: true", "'allow_uncertified'", ""),
        (
            "reference: big",
            "reference: bog",
            "line 11: 'models.tickets.reference': there is",
            "",
        ),
        ("  people:", "  tickets:", "a bundle is the tier of its model's name", "otherwise"),
        ("  chat:", "  a chat:", "a name has letters, digits", ""),
        (
            "runs/tickets",
            "runs/none",
            "line 6: 'models.tickets.bundle': there is no",
            "give the folder",
        ),
        ("127.0.0.1:9000", "127.0.0.1", "line 2: 'listen': '127.0.0.1' is not host:port", ""),
        ("127.0.0.1:9000", "127.0.0.1:99999", "is not host:port", ""),
        ("https://api", "ftp://api", "'tiers.big': base_url must look like https", ""),
        ("https://api.example.com", "http://api.example.com", "would send the key in BIG_KEY over http", ""),
        ("https://api.example.com", "http://169.254.169.254", "link-local", ""),
        (", usd_per_1m_output: 10", "", "give both prices", ""),
        ("api_key_env: BIG_KEY", "api_key_env: BIG-KEY", "not the name of an environment variable", ""),
        ("drop_params: [seed]", "drop_params: [model]", "'tiers.big': drop_params cannot hold", ""),
        (
            "mistral-7b, allow_private: true",
            "m, allow_networks: [x]",
            "allow_networks holds",
            "10.1",
        ),
        (
            "default: allow",
            "default: alow",
            "line 20: 'privacy.default': 'alow' is no",
            "write one of",
        ),
        ("default: allow", "clases: {}", "line 20: 'privacy': unknown key 'clases'", "known: "),
        ("default: allow", "classes: {card: never}", "'privacy.classes.card': 'never'", "local_only"),
        ("tiers: [mistral, big]", "tiers: [big], processes: 2", "'processes' stands beside the 'bundle'", ""),
        ("home: gateway", "traces: {endpont: x}", "unknown key 'traces.endpont'", "did you mean 'endpoint'?"),
        ("home: gateway", "store: mysql://host/db", "'mysql://host/db' is no store", "postgresql://"),
        ("[gateway.example.com]", "[https://gw.example.com]", "line 23: 'hosts.0':", "gateway.example.com"),
        ("{body_bytes: 1000}", "{held_bytes: 1000}", "line 22: 'limits':", "goes together"),
        ("hosts: [", "public_url: gw.example.com\nhosts: [", "line 23: 'public_url':", "https://gateway"),
        ("hosts: [", "public_url: https://a.b/v1\nhosts: [", "line 23: 'public_url':", "without a path"),
        ("hosts: [", "public_url: https://u@a.b\nhosts: [", "line 23: 'public_url':", "without a path"),
        ("timeout_s: 30", "timeout_s: 0", "'models.tickets.timeout_s' is 0", ""),
        ("timeout_s: 30", "timeout_s: '30'", "'models.tickets.timeout_s' is '30'", ""),
        (
            "home: gateway",
            "offline: true",
            "api.example.com is another machine, and",
            "list",
        ),
        ("home: gateway", "offline_allow: [example.com]", "'offline_allow.0': 'example.com' is not", ""),
        ("chat: {", "chat: {system_prompts: [You route tickets.], ", "has the same system prompt", ""),
    ],
)
def test_each_mistake_is_named_with_its_place(tmp_path, old, new, message, hint):
    """The complaint names line, key and value, and the hint says what to write."""
    assert old in FULL
    told, advice = complaint(tmp_path, FULL.replace(old, new, 1))
    assert message in told
    assert told.startswith("site.yaml")
    assert hint in advice


SECRET = "sk-proj-abcdefghijklmnop1234567890"


@pytest.mark.parametrize(
    ("old", "new", "key", "hint"),
    [
        ("api_key_env: BIG_KEY", f"api_key_env: {SECRET}", "tiers.big.api_key_env", "export BIG_API_KEY="),
        ("api_key_env: BIG_KEY", f"api_key: {SECRET}", "tiers.big.api_key", "api_key_env: BIG_API_KEY"),
        ("model: big-1", f"model: Bearer {SECRET}", "tiers.big.model", "export BIG_API_KEY="),
        ("home: gateway", "store: postgresql://u:hunter2@db/x", "store", "export PGPASSWORD="),
        ("https://api.example.com", "https://u:hunter2@api.example.com", "tiers.big.base_url", "api_key_env"),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(tmp_path, old, new, key, hint):
    """The place and what to type instead are told; the secret is nowhere in the complaint."""
    told, advice = complaint(tmp_path, FULL.replace(old, new, 1))
    assert f"{key!r} holds a secret" in told
    assert hint in advice
    assert not any(secret in told + advice for secret in (SECRET, "hunter2"))


def test_a_key_named_api_key_is_told_where_keys_belong(tmp_path: Path) -> None:
    """Also where its value does not look like a key of a known service."""
    told, advice = complaint(tmp_path, FULL.replace("api_key_env: BIG_KEY", "api_key: hunter2"))
    assert "unknown key 'tiers.big.api_key'" in told
    assert "api_key_env" in advice
    assert "hunter2" not in told + advice


def test_a_run_folder_is_a_site_of_one_model(tmp_path, monkeypatch):
    """The model is named after the task, and everything else has its default."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    bundle = tmp_path / "run" / "bundle"
    bundle.mkdir(parents=True)
    (bundle / "task.json").write_text(json.dumps({"name": "support tickets"}))
    site = site_of(tmp_path / "run")
    assert ("127.0.0.1", 8321) == (site.host, site.port)
    assert {"support-tickets": Route(name="support-tickets", tiers=("support-tickets",))} == site.routes
    assert (Served(name="support-tickets", folder=tmp_path / "run"),) == site.served
    assert tmp_path / "home" / "gateway" == site.home


def test_a_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    """And the complaint says which folder to give."""
    with pytest.raises(ArtefactError, match="holds no bundle/") as caught:
        site_of(tmp_path)
    assert "exit code 0" in (caught.value.hint or "")


def test_the_command_lines_wishes_go_before_the_file(tmp_path: Path) -> None:
    """Another address, offline, and uncertified bundles may be asked for when it is started."""
    text = FULL.replace("api.example.com", "127.0.0.1:1")
    site = site_of(written(tmp_path, text), listen="[::1]:0", offline=True, allow_uncertified=True)
    assert ("::1", 0, True) == (site.host, site.port, site.offline)
    assert [True] == [served.allow_uncertified for served in site.served]
    with pytest.raises(SpecError, match="another machine"):
        site_of(written(tmp_path), offline=True)


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("offline: true", "api.example.com:443"),
        ("offline: true\nstore: postgresql://u@db.example.com/x", "db.example.com:5432"),
        ("offline: true\ntraces: {endpoint: 'http://otlp.example.com:4318/v1'}", "otlp.example.com:4318"),
    ],
)
def test_offline_every_server_elsewhere_has_to_be_listed(tmp_path, line, allowed):
    """Tiers, the store and the collector of traces, each with its port; then the site is read."""
    text = FULL.replace("home: gateway", line)
    if "api" not in allowed:
        text = text.replace("https://api.example.com", "http://127.0.0.1:1")
    told, advice = complaint(tmp_path, text)
    assert "is another machine, and the site is offline" in told
    assert f"list {allowed} under offline_allow" in advice
    listed = site_of(written(tmp_path, text + f"offline_allow: ['{allowed}']\n"))
    assert [allowed] == [f"{host}:{port}" for host, port in listed.offline_allow]


def test_a_folder_that_no_address_can_name_is_refused(tmp_path: Path) -> None:
    """A question mark would cut the path of the store short."""
    with pytest.raises(SpecError, match=r"has a \? in its name"):
        site_of(written(tmp_path, FULL.replace("home: gateway", "home: why?")))
