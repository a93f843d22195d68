"""The command line itself: exit codes, one JSON object, help, options anywhere, readers who leave early."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from suffice.cli.main import cli
from tests.flow.command_line import started, suffice, write_task
from tests.flow.conftest import made_rows

pytestmark = pytest.mark.slow

COMMANDS = sorted(cli.commands)


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory):
    """The folder of one certified run."""
    place = tmp_path_factory.mktemp("cli")
    os.environ["SUFFICE_HOME"] = str(place / "home")
    task = write_task(place, made_rows(700, reference_errs=0.1, seed=5))
    said = suffice("run", "--quiet", "--out", place / "run", task)
    assert (0, "") == (said.code, said.err)
    return place / "run"


@pytest.fixture(name="at_home")
def _at_home(folder, monkeypatch):
    """The home with the key of the certified run."""
    monkeypatch.setenv("SUFFICE_HOME", str(folder.parent / "home"))


def test_not_met_is_1_and_too_few_rows_are_3(tmp_path):
    """The two honest ends without a certificate, each with its verdict in the one JSON object."""
    few = write_task(tmp_path / "few", made_rows(160, reference_errs=0.05))
    said = suffice("run", few, "--out", tmp_path / "few" / "run", "--json")
    assert (3, "inconclusive", None) == (said.code, said.value["verdict"], said.value["certificate"])
    big = write_task(tmp_path / "big", made_rows(300, reference_errs=0.1))
    big.write_text(big.read_text().replace("ladder:", "  memory_mb: 1\nladder:"))
    said = suffice("run", big, "--out", tmp_path / "big" / "run", "--json")
    assert (1, "fail", None) == (said.code, said.value["verdict"], said.value["certificate"])


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["runn"], "No such command 'runn'. Did you mean 'run'?", "suffice --help"),
        (["run"], "Missing argument 'TASK'.", "suffice run --help"),
        (["run", "t.yaml", "--sed", "1"], "No such option '--sed'", "suffice run --help"),
        (["run", "t.yaml", "--out"], "Option '--out' requires an argument.", "suffice"),
        (["run", "t.yaml", "--seed", "x"], "'x' is not a valid integer", "suffice run --help"),
        (["run", "t.yaml", "--seed", "-1"], "the seed is -1", "--seed 0"),
        (["run", "t.yaml"], "cannot read the task file t.yaml: No such file", "check the path"),
        (["predict", "runs/x", "--out", "a"], "Missing option '--input'.", "suffice predict --help"),
        (["verify", "a", "b"], "unexpected extra argument (b)", "suffice verify --help"),
        (["verify", "runs/nowhere"], "there is no folder runs/nowhere", "folder of a run"),
        (["report", "runs/nowhere"], "runs/nowhere holds no report.json", "finished run"),
        (["report", __file__], "cannot read", "finished run"),
    ],
)
def test_mistakes_are_2_with_what_to_type(arguments, error, hint):
    """In words on standard error, or as one JSON object on standard output; never both, never a traceback."""
    said = suffice(*arguments)
    assert (2, "") == (said.code, said.out)
    assert error in said.err
    assert hint in said.err.partition("\nhint: ")[2]
    as_json = suffice(arguments[0], "--json", *arguments[1:])
    assert (2, "") == (as_json.code, as_json.err)
    assert {"error", "hint"} == set(as_json.value)
    assert error in as_json.value["error"]


def test_an_option_before_the_command_is_explained():
    """`suffice --json run` says where options stand."""
    said = suffice("--json", "run", "t.yaml")
    assert "after its name" in said.value["hint"]


def test_without_a_command_the_help_is_shown():
    """As for a mistake in usage: exit code 2, on standard error, without the word error."""
    said = suffice()
    assert (2, "") == (said.code, said.out)
    assert said.err.startswith("Usage: suffice [OPTIONS] COMMAND")


def words_of_commands():
    """Returns the words that name each command; those of a group one by one."""
    found = []
    for name, command in cli.commands.items():
        found += (
            [(name, part) for part in command.commands] if isinstance(command, click.Group) else [(name,)]
        )
    return found


@pytest.mark.parametrize("words", words_of_commands(), ids=" ".join)
def test_help_explains_every_option(words):
    """Each command says what it does, each option what it means, within 80 columns."""
    said = suffice(*words, "--help")
    assert (0, "") == (said.code, said.err)
    assert max(map(len, said.out.splitlines())) <= 80
    command = cli
    for word in words:
        command = command.commands[word]
    options = [p for p in command.params if isinstance(p, click.Option)]
    assert all(option.help or option.show_default for option in options)
    assert {"--json", "--quiet", "--seed", "--offline"} <= {name for o in options for name in o.opts}
    assert words[-1] in suffice(*words[:-1], "--help").out


@pytest.mark.usefixtures("at_home")
def test_options_stand_before_or_after_arguments(folder):
    """Both orders give the same object."""
    for command in ("report", "verify"):
        assert suffice(command, "--json", folder).value == suffice(command, folder, "--json").value


@pytest.mark.usefixtures("at_home")
def test_every_answer_as_json_is_one_object(folder, tmp_path):
    """Report, verify, predict, doctor: exit code 0, nothing on standard error."""
    (tmp_path / "new.csv").write_text("text\nwhere is my parcel\n")
    predict = ("predict", folder, "--input", tmp_path / "new.csv", "--out", tmp_path / "a.jsonl")
    assert "1 row answered into" in suffice(*predict).out
    for arguments in (("report", folder), ("verify", folder), predict, ("doctor",)):
        said = suffice(*arguments, "--json")
        assert (0, "") == (said.code, said.err)
        assert said.value


@pytest.mark.usefixtures("at_home")
def test_any_format_is_answered_alike(folder, tmp_path):
    """JSON Lines, CSV with other columns, a JSON array, gzip by a foreign name: the same answers."""
    texts = ["where is my parcel", "i want a refund now"]
    rows = [{"text": text} for text in texts]
    files = {
        "a.jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode(),
        "b.csv": "".join(["id,text\n", *(f"{n},{t}\n" for n, t in enumerate(texts))]).encode(),
        "c.json": json.dumps(rows).encode(),
        "d.dat": gzip.compress(json.dumps(rows).encode()),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        out = tmp_path / f"{name}.answers"
        assert 0 == suffice("predict", folder, "--input", tmp_path / name, "--out", out).code
        answers = [json.loads(line)["answer"] for line in out.read_text().splitlines()]
        assert ["delivery", "refund"] == answers


@pytest.mark.usefixtures("at_home")
def test_a_reader_who_leaves_early_changes_nothing(folder):
    """As in `suffice report X | head -1`: quiet, and the exit code stays the verdict's."""
    with started("report", folder) as process:
        process.stdout.close()
        assert "" == process.stderr.read()
    assert 0 == process.returncode


@pytest.mark.usefixtures("at_home")
def test_output_that_cannot_be_written_is_told(folder):
    """Onto a full disk: exit code 2 and why, in words also where JSON was asked for."""
    command = [sys.executable, "-m", "suffice", "verify", str(folder), "--json"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert 2 == done.returncode
    assert done.stderr.startswith("error: cannot write the result to standard output: No space left")


@pytest.mark.usefixtures("at_home")
def test_a_terminal_that_knows_only_ascii_is_served(folder):
    """Signs it lacks are shown as question marks, not as a traceback."""
    command = [sys.executable, "-m", "suffice", "report", str(folder)]
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=ascii_only)
    assert (0, "") == (done.returncode, done.stderr)
    assert "?s" in done.stdout
