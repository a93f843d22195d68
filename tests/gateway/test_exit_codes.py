"""The table of exit codes in docs/cli.md, held against the commands that look at a certificate."""

import re
import shutil
from pathlib import Path

import pytest

from suffice.cli.main import main
from tests.unit.serve.tiers import tiny_run

CLI = Path(__file__).parents[2] / "docs" / "cli.md"


def code_of(*arguments) -> int:
    """Returns the exit code of a command."""
    with pytest.raises(SystemExit) as left:
        main([*map(str, arguments)])
    return int(left.value.code or 0)


@pytest.mark.parametrize(
    ("spoilt", "serve", "verify"),
    [
        ("the certificate is missing", 1, 1),
        ("a byte of the bundle was changed", 1, 1),
        ("the certificate was changed", 1, 1),
        ("a file was added", 1, 1),
        ("there is no folder", 2, 2),
    ],
)
def test_what_is_not_certified_is_a_no_and_what_is_not_there_a_mistake(
    tmp_path, monkeypatch, capsys, spoilt, serve, verify
):
    """`serve` and `verify` say the same, by one exit code, whatever it is that does not hold."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SUFFICE_OFFLINE", raising=False)  # going offline could not be undone
    run = tiny_run.bundle(tmp_path / "run", {"linear": tiny_run.linear(tmp_path / "linear")})
    tiny_run.certify(run)
    weights = next((run / "bundle").rglob("weights.safetensors"))
    match spoilt:
        case "the certificate is missing":
            (run / "certificate.json").unlink()
            (run / "certificate.dsse.json").unlink()
        case "a byte of the bundle was changed":
            weights.write_bytes(weights.read_bytes()[:-1] + b"x")
        case "the certificate was changed":
            statement = run / "certificate.json"
            statement.write_bytes(statement.read_bytes() + b" ")
        case "a file was added":
            (run / "bundle" / "more.txt").write_text("x")
        case _:
            shutil.rmtree(run)
    found = code_of("serve", run, "--listen", "127.0.0.1:0"), code_of("verify", run)
    assert (serve, verify) == found, capsys.readouterr().err


def test_every_command_that_says_no_is_in_the_table():
    """Those with a code of their own are named; the others are together."""
    _, _, table = CLI.read_text(encoding="utf-8").partition("| command | 0 | 1 | 3 |\n")
    rows = re.findall(r"^\| ([^|]+) \|", table.partition("\n\n")[0], re.MULTILINE)
    assert ["`run`", "`verify`", "`serve`, `shadow`"] == [row for row in rows if row != "---"][:3]
