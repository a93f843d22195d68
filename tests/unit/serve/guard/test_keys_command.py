"""`suffice keys`: a key is shown once, kept as a hash, listed without it, revoked for good."""

import json
from pathlib import Path

import pytest

from suffice.cli import keys as command
from suffice.cli.main import main
from suffice.serve.key import SCOPES


@pytest.fixture
def said(capsys):
    """Returns a function that runs `suffice keys ...` and returns exit code, output and complaint."""

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main(["keys", *map(str, arguments)])
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return run


def test_a_key_is_made_listed_and_revoked(said, tmp_path, monkeypatch):
    """The secret is in the first answer only, and in no file."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path))
    code, out, _ = said("create", "ci", "--scope", "call", "--model", "m", "--usd-per-day", "2.5", "--json")
    made = json.loads(out)
    shown, public = made["key"], made["id"]
    assert (0, f"sk-sf-{public}-") == (code, shown[:-43])
    assert (["m"], 2.5, None) == (
        made["models"],
        made["limits"]["usd_per_day"],
        made["limits"]["tokens_per_day"],
    )
    _, out, _ = said("list", "--json")
    (listed,) = json.loads(out)["keys"]
    assert {key: value for key, value in made.items() if key != "key"} == listed
    assert f"{public}  ci  call  never used  models m  2.5 usd a day" in said("list")[1]
    assert (0, {"id": public, "revoked": True}) == (
        (answer := said("revoke", shown, "--json"))[0],
        json.loads(answer[1]),
    )
    assert "REVOKED" in said("list")[1]
    secret = shown[-43:].encode()
    assert not any(secret in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_site_file_says_where_the_keys_are(said, tmp_path):
    """The same store as the gateway of that file; a model it does not serve is named."""
    site = tmp_path / "site.yaml"
    site.write_text("suffice: 1\nhome: here\nmodels: {m: {tiers: [p]}}\ntiers: {p: {kind: human}}\n")
    assert 0 == said("create", "ci", "--model", "m", "--site", site)[0]
    assert (tmp_path / "here" / "gateway.sqlite").is_file()
    assert "ci" in said("list", "--site", site)[1]
    code, _, complaint = said("create", "ci", "--model", "n", "--site", site)
    assert 2 == code
    assert "serves no 'n'; it serves m" in complaint


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("revoke", "nobody"), "there is no key 'nobody'"),
        (("create", " "), "tell the client from others"),
        (("create", "x", "--scope", "root"), "'root' is not one of"),
        (("create", "x", "--usd-per-day", "-1"), "-1.0 is not in the range"),
        (("create", "x", "--usd-per-minute", "nan"), "nan is no limit"),
        (("list", "--site", "nowhere.yaml"), "cannot read the site file"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(said, arguments, words):
    """Exit code 2, and what was expected."""
    code, out, complaint = said(*arguments)
    assert (2, "") == (code, out)
    assert words in complaint


def test_the_scopes_of_the_command_are_those_there_are():
    """The command's help names them without the gateway's packages."""
    assert tuple(SCOPES) == command._SCOPES


def test_every_scope_is_on_the_page():
    """docs/site-file.md says what each is for."""
    page = (Path(__file__).parents[4] / "docs" / "site-file.md").read_text()
    assert [] == [scope for scope, use in SCOPES.items() if f"| `{scope}` | {use} |" not in page]


def test_a_gateways_home_says_where_the_keys_are(said, tmp_path):
    """The folder that `serve --home` was given; beside a site file it goes before the file's."""
    assert 0 == said("create", "ci", "--home", tmp_path / "b")[0]
    assert (tmp_path / "b" / "gateway.sqlite").is_file()
    assert "ci" in said("list", "--home", tmp_path / "b")[1]
    site = tmp_path / "site.yaml"
    site.write_text("suffice: 1\nhome: here\nmodels: {m: {tiers: [p]}}\ntiers: {p: {kind: human}}\n")
    assert "ci" in said("list", "--site", site, "--home", tmp_path / "b")[1]
    assert "there is no key" in said("list", "--site", site)[1]
