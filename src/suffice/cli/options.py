"""What every command takes: --json, --quiet, --seed, --offline; and where its words go."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from suffice.cli.output import tell

_Function = TypeVar("_Function", bound=Callable[..., Any])

OFFLINE_VARIABLE = "SUFFICE_OFFLINE"


@dataclass(frozen=True, kw_only=True)
class Common:
    """The options every command has."""

    as_json: bool
    quiet: bool
    seed: int
    offline: bool

    def say(self, text: str) -> None:
        """Prints words for a person: not when quiet, not beside JSON."""
        if not self.quiet and not self.as_json:
            tell(text)

    def give(self, value: Mapping[str, Any], text: str) -> None:
        """Prints the result: as one JSON object, or as text."""
        if self.as_json:
            tell(json.dumps(value, allow_nan=False))  # ASCII, so that every locale can carry it
        else:
            tell(text)

    @property
    def shows_progress(self) -> bool:
        """Says whether a progress bar would be seen, and wanted."""
        return not self.quiet and not self.as_json and sys.stderr.isatty()


of_home = click.option(
    "--home",
    type=click.Path(path_type=Path),
    help="The gateway's folder: store, audit log, their keys  [default: the site's, or this user's]",
)


def common(function: _Function) -> _Function:
    """Adds the common options to a command, which gets them as `common`."""

    def called(*, as_json: bool, quiet: bool, seed: int, offline: bool, **rest: Any) -> Any:
        if offline:
            os.environ[OFFLINE_VARIABLE] = "1"  # every model and every child process obeys it
        return function(common=Common(as_json=as_json, quiet=quiet, seed=seed, offline=offline), **rest)

    called.__doc__ = function.__doc__
    called.__name__ = function.__name__
    called.__click_params__ = list(getattr(function, "__click_params__", []))  # type: ignore[attr-defined]
    for option in (
        click.option("--offline", is_flag=True, help="Let nothing leave this machine."),
        click.option("--seed", default=0, show_default=True, help="Seed of every random choice."),
        click.option("--quiet", is_flag=True, help="Print the result only."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
    ):
        called = option(called)
    return called  # type: ignore[return-value]
