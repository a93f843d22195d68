"""A gateway's home as it is given on the command line, and what is said where it is taken."""

import os

import pytest

from suffice.certify.signature import keys_in
from suffice.cli.main import main
from suffice.clock import SystemClock
from suffice.compose.records import opened_records
from suffice.errors import OutputError
from suffice.serve.site.read import site_of

FILE = "suffice: 1\nhome: here\n{more}models: {{m: {{tiers: [p]}}}}\ntiers: {{p: {{kind: human}}}}\n"


def site_at(tmp_path, more="", **given):
    """Returns the site of a small file."""
    file = tmp_path / "site.yaml"
    file.write_text(FILE.format(more=more))
    return site_of(file, **given)


def test_a_home_that_is_given_goes_before_the_files(tmp_path):
    """And takes the embedded store along; a database elsewhere stays where it is."""
    site = site_at(tmp_path, home=tmp_path / "b")
    assert (tmp_path / "b", f"sqlite:///{tmp_path}/b/gateway.sqlite") == (site.home, site.store.url)
    url = "postgresql://user@host/name"
    assert url == site_at(tmp_path, f"store: {url}\n", home=tmp_path / "b").store.url
    assert tmp_path / "here" == site_at(tmp_path).home


def test_a_home_that_is_taken_is_named_with_what_to_type(tmp_path):
    """Which folder, which process, and the option with a folder that would do."""
    site = site_at(tmp_path)
    with opened_records(site, clock=SystemClock()):
        with pytest.raises(OutputError) as caught, opened_records(site, clock=SystemClock()):
            pass
        assert f"the gateway's home {tmp_path}/here is taken: process {os.getpid()}" in caught.value.message
        assert f"--home {tmp_path}/here-2" in caught.value.hint
        with opened_records(site_at(tmp_path, home=tmp_path / "here-2"), clock=SystemClock()):
            assert (tmp_path / "here-2" / "audit").is_dir()


def test_the_audit_log_of_a_home_is_found(tmp_path, capsys):
    """By the same option; a place and a home are one too many."""
    home = tmp_path / "b"
    with opened_records(site_at(tmp_path, home=home), clock=SystemClock()):
        pass
    assert keys_in(home / "keys").key_id
    for arguments, code in ((("--home", home), 0), ((home,), 0), ((home, "--home", home), 2)):
        with pytest.raises(SystemExit) as left:
            main(["audit-log", "verify", *map(str, arguments)])
        assert code == left.value.code, capsys.readouterr()
