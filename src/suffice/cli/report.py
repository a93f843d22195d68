"""`suffice report`: show what a run found."""

import json
import webbrowser
from pathlib import Path

import click

from suffice.cli.options import Common, common
from suffice.errors import ArtefactError


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--open", "in_browser", is_flag=True, help="Open report.html in the browser.")
@common
def report(folder: Path, in_browser: bool, common: Common) -> int:  # noqa: FBT001 - click passes it by name
    """Print the report of the run in FOLDER, and say where its page is."""
    from suffice.cli.shown import as_text
    from suffice.report.facts import from_json, to_json

    path = folder / "report.json"
    try:
        facts = from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise ArtefactError(
            f"{folder} holds no report.json", hint="give the folder of a finished run"
        ) from error
    except OSError as error:
        raise ArtefactError(
            f"cannot read {path}: {error.strerror}", hint="give the folder of a finished run"
        ) from error
    except ValueError as error:
        raise ArtefactError(f"{path} is damaged: {error}", hint="run the task again") from error
    if in_browser:
        webbrowser.open((folder / "report.html").resolve().as_uri())
    common.give(to_json(facts), as_text(facts, folder))
    return 0
