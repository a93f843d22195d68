"""What the pages tell a reader to type is understood: by the command line, by make."""

import re
import shlex

import click
import pytest

from suffice.cli.main import cli
from tests.docs.pages import ROOT, commands
from tools.write_cli_docs import PAGE, written

TYPED = commands()
OURS = [line for line in TYPED if line[1].startswith("suffice")]


def words_of(line):
    """Returns a line's words without comment and redirection."""
    words = shlex.split(line, comments=True)
    cut = next((i for i, word in enumerate(words) if word in {">", "|", "2>", "&&"}), len(words))
    return words[:cut]


def test_there_are_commands_to_check():
    """The pages show how to run, predict, report, verify and ask the doctor."""
    shown = {words_of(line)[1] for _, line in OURS}
    assert set(cli.commands) <= shown


@pytest.mark.parametrize(("place", "line"), OURS, ids=[f"{p} {t}" for p, t in OURS])
def test_the_command_line_understands(place, line):
    """Click's own parser takes the command, every option and every value of it."""
    name, *arguments = words_of(line)[1:]
    if name.startswith("-"):
        assert name in {option for parameter in cli.params for option in parameter.opts} | {"--help"}, place
        return
    try:
        cli.commands[name].make_context(name, arguments, parent=click.Context(cli, **cli.context_settings))
    except click.exceptions.Exit:
        assert "--help" in arguments, place


@pytest.mark.parametrize("line", sorted({line for _, line in TYPED if line.startswith("make")}))
def test_make_knows_the_target(line):
    """Every `make NAME` in a page is a target."""
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(words_of(line)[1:]) <= set(targets)


def test_cli_page_is_the_help():
    """docs/cli.md is what `python -m tools.write_cli_docs` writes today."""
    assert PAGE.read_text(encoding="utf-8") == written(), "run: python -m tools.write_cli_docs"
