"""Long work as bars in the terminal; nothing at all where nobody would see them."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from suffice import ports

if TYPE_CHECKING:
    from rich.progress import TaskID


@contextlib.contextmanager
def bars(*, shown: bool) -> Iterator[ports.Progress]:
    """Gives a progress port: one bar for each kind of work, on standard error."""
    if not shown:
        yield _silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    display = Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    known: dict[str, TaskID] = {}

    def show(what: str, done: float, total: float) -> None:
        if what not in known:
            known[what] = display.add_task(what, total=total)
        display.update(known[what], completed=done, total=total)

    with display:
        yield show


def _silent(what: str, done: float, total: float) -> None:
    """Says nothing."""
