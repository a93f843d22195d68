"""What the pages tell a reader to type is understood: by the command line, by make."""

import re
import shlex

import click
import pytest

from suffice.cli.main import cli
from tests.docs.pages import ROOT, commands
from tools.write_cli_docs import PAGE, written

TYPED = commands()
TEMPLATES = ROOT / "src" / "suffice" / "web" / "templates"
OURS = [line for line in TYPED if line[1].startswith("suffice")]


def words_of(line):
    """Returns a line's words without comment and redirection."""
    words = shlex.split(line, comments=True)
    cut = next((i for i, word in enumerate(words) if word in {">", "|", "2>", "&&"}), len(words))
    return words[:cut]


def understood(arguments):
    """Says whether click takes the words after `suffice`, also those of a group's command."""
    command, parent = cli, click.Context(cli, **cli.context_settings)
    try:
        while isinstance(command, click.Group):
            name, *arguments = arguments
            command = command.commands[name]
            if not isinstance(command, click.Group):
                command.make_context(name, arguments, parent=parent)
    except click.exceptions.Exit:
        return "--help" in arguments
    return True


def test_there_are_commands_to_check():
    """The pages show how to run, predict, report, verify and ask the doctor."""
    shown = {words_of(line)[1] for _, line in OURS}
    assert set(cli.commands) <= shown


@pytest.mark.parametrize(("place", "line"), OURS, ids=[f"{p} {t}" for p, t in OURS])
def test_the_command_line_understands(place, line):
    """Click's own parser takes the command, every option and every value of it."""
    arguments = words_of(line)[1:]
    if arguments[0].startswith("-"):
        known = {option for parameter in cli.params for option in parameter.opts} | {"--help"}
        assert arguments[0] in known, place
        return
    assert understood(arguments), place


@pytest.mark.parametrize("page", sorted(TEMPLATES.glob("*.html")), ids=lambda page: page.name)
def test_the_command_line_understands_what_the_pages_show(page):
    """What a gateway's page tells to type, in a block of its own, is a whole command."""
    blocks = re.findall(r"<pre[^>]*>(suffice [^<{]*)</pre>", page.read_text(encoding="utf-8"))
    for line in "\n".join(blocks).splitlines():
        assert understood(words_of(line)[1:]), line


@pytest.mark.parametrize("line", sorted({line for _, line in TYPED if line.startswith("make")}))
def test_make_knows_the_target(line):
    """Every `make NAME` in a page is a target."""
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(words_of(line)[1:]) <= set(targets)


def test_cli_page_is_the_help():
    """docs/cli.md is what `python -m tools.write_cli_docs` writes today."""
    assert PAGE.read_text(encoding="utf-8") == written(), "run: python -m tools.write_cli_docs"
