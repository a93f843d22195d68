"""A run's facts as this terminal shows them."""

import shutil
import sys
from pathlib import Path

from suffice.report.facts import Facts


def as_text(facts: Facts, folder: Path) -> str:
    """Returns the verdict table in the terminal's width, coloured where it is one, and where the page is."""
    from suffice.report.text import render

    width = max(60, min(shutil.get_terminal_size().columns, 110))
    table = render(facts, width=width, colour=sys.stdout.isatty())
    return f"{table.rstrip()}\n\nreport: {folder / (facts.report or 'report.html')}"
