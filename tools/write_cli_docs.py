"""Write docs/cli.md from the commands' own help: `python -m tools.write_cli_docs`."""

from pathlib import Path

import click

from suffice.cli.main import cli

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
_WIDTH = 100
_HEAD = """\
# The command line

Made from `suffice --help` and the help of each command by `python -m tools.write_cli_docs`; a test
compares. What the commands do is told in the [README](../README.md), what the words mean in the
[glossary](glossary.md).

Exit codes of `run`: 0 the bar is met, 1 it is not met, 3 the data cannot tell yet. Of every command: 2
for a mistake in usage or set-up (a wrong key, a missing file, no disk space), with `error:` and `hint:` on
standard error, or as one JSON object with `--json`; 130 when it was stopped with Ctrl-C. `verify` leaves
with 1 where the certificate does not hold. `demo` leaves with 0 once both jobs are done, whatever their
verdicts.
"""


def written() -> str:
    """Returns the page's text."""
    top = cli.context_class(cli, info_name="suffice", terminal_width=_WIDTH, **cli.context_settings)
    parts = [_HEAD, _section("suffice", cli.get_help(top))]
    for name, command in sorted(cli.commands.items()):
        context = click.Context(command, info_name=name, parent=top, terminal_width=_WIDTH)
        parts.append(_section(f"suffice {name}", command.get_help(context)))
        for inner, part in sorted(getattr(command, "commands", {}).items()):
            below = click.Context(part, info_name=inner, parent=context, terminal_width=_WIDTH)
            parts.append(_section(f"suffice {name} {inner}", part.get_help(below)))
    return "\n".join(parts)


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n```text\n{text.rstrip()}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
    print(f"{PAGE.name} written")
