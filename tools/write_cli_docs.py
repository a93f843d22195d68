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

## Exit codes

| command | 0 | 1 | 3 |
|---|---|---|---|
| `run` | the bar is met | it is not met | the data cannot tell yet |
| `verify` | the certificate holds | it does not, or there is none | |
| `serve`, `shadow` | served until Ctrl-C | a bundle's certificate does not hold, or there is none | |
| `audit-log verify` | the log holds | it does not | |
| `audit-log prove` | none left | calls left; the log does not hold | it cannot tell |
| `audit-log export` | written | the log does not hold | |
| `audit-log prune` | removed, or nothing is old enough | the log does not hold: nothing is removed | |
| the others | done (`demo`: also where a bar is not met) | | |

Of every command: 2 for a mistake in usage or set-up (a wrong key or name, a missing or damaged file, no
disk space, an address or a home that is taken); 130 when it was stopped with Ctrl-C.

Where there is no result to print, `error:` and `hint:` stand on standard error, or are one JSON object
on standard output with `--json`.
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
