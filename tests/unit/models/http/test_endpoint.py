"""Endpoints: which addresses may be asked, and where the key comes from."""

import pytest

from suffice.errors import ModelError, SpecError
from suffice.models.http.endpoint import Endpoint, Waiting, is_loopback, is_offline


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/v1",
        "host/v1",
        "https://",
        "https://name:word@host/v1",
        "https://host/v1?key=1",
        "http://169.254.169.254/v1",
        "http://[fe80::1]/v1",
        "http://host:port/v1",
        "http://[::1/v1",
    ],
)
def test_addresses_that_are_no_servers_are_refused(url: str) -> None:
    """Other schemes, credentials in the address, queries and link-local hosts are refused."""
    with pytest.raises(SpecError, match="base_url"):
        Endpoint(base_url=url, model="m")


def test_a_password_in_the_address_is_not_repeated() -> None:
    """The message about a password does not show it."""
    with pytest.raises(SpecError) as caught:
        Endpoint(base_url="https://name:hunter2@host/v1", model="m")
    assert "hunter2" not in str(caught.value)


def test_the_path_is_kept() -> None:
    """The chat path is added to the base, with one slash."""
    assert "http://h:1/v1/chat/completions" == Endpoint(base_url="http://h:1/v1/", model="m").url


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.0.0.9", True), ("::1", True), ("10.0.0.1", False), ("a.b", False)],
)
def test_loopback(host: str, expected: object) -> None:
    """Only this machine is loopback; a name that merely looks local is not."""
    assert expected is is_loopback(host)


def test_key_is_read_when_used_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint holds the variable's name; the key is in neither its fields nor its repr."""
    endpoint = Endpoint(base_url="https://h/v1", model="m", api_key_env="INVENTED_KEY")
    monkeypatch.setenv("INVENTED_KEY", "sk-hidden")
    assert "sk-hidden" == endpoint.api_key()
    assert "sk-hidden" not in repr(endpoint)


def test_missing_key_names_the_variable() -> None:
    """An empty variable is a set-up error that says what to type."""
    with pytest.raises(ModelError, match="INVENTED_KEY") as caught:
        Endpoint(base_url="https://h/v1", model="m", api_key_env="INVENTED_KEY").api_key()
    assert "export INVENTED_KEY=..." == caught.value.hint


@pytest.mark.parametrize("wrong", [{"connect_s": 0.0}, {"total_s": float("nan")}, {"attempts": 0}])
def test_impossible_waits_are_refused(wrong: dict[str, float]) -> None:
    """A wait of no time, or no attempt at all, is no setting."""
    with pytest.raises(SpecError, match=next(iter(wrong))):
        Waiting(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("switch", "asked", "expected"),
    [("1", False, True), ("0", False, False), ("", True, True), ("", False, False)],
)
def test_offline(monkeypatch: pytest.MonkeyPatch, switch: str, asked: bool, expected: bool) -> None:  # noqa: FBT001
    """Offline holds when asked for, or when the switch is set."""
    monkeypatch.setenv("SUFFICE_OFFLINE", switch)
    assert expected is is_offline(asked=asked)


@pytest.mark.parametrize("host", ["example.com", "8.8.8.8", "example.com.", "localhost.example.com"])
def test_a_key_is_not_sent_in_the_clear(host: str) -> None:
    """Over plain http to the outside, everybody on the way could read the key."""
    with pytest.raises(SpecError, match="would send the key in INVENTED_KEY over http") as caught:
        Endpoint(base_url=f"http://{host}/v1", model="m", api_key_env="INVENTED_KEY")
    assert "use https" == caught.value.hint


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "10.1.2.3", "[::1]", "vllm", "box.local"])
def test_a_key_may_go_within_ones_own_network(host: str) -> None:
    """A server at home or in the cluster may be asked over http."""
    assert host.strip("[]") == Endpoint(base_url=f"http://{host}/v1", model="m", api_key_env="KEY").host
