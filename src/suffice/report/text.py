"""The report for the terminal: verdict, table, reasons and next step in 80 columns."""

import io
from collections.abc import Iterable, Iterator

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from suffice.bar import Verdict
from suffice.report import numbers, words
from suffice.report.facts import Facts
from suffice.report.ladder import Rung, rungs, unmeasured

_STYLES = {
    Verdict.PASS.value: "bold green",
    Verdict.FAIL.value: "bold red",
    Verdict.INCONCLUSIVE.value: "bold yellow",
    Verdict.NOT_TESTED.value: "dim",
    "reference": "dim",
}


def render(facts: Facts, *, width: int = 80, colour: bool = False) -> str:
    """Returns the report as text of at most `width` columns; without colour it holds no control codes."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        emoji=False,
        legacy_windows=False,
    )
    console.print(renderable(facts))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def renderable(facts: Facts) -> RenderableType:
    """Returns the report for a rich console, which sees to width and colour."""
    facts = words.with_words(facts)
    return Group(*_parts(facts))


def _parts(facts: Facts) -> Iterator[RenderableType]:
    if facts.simulated:
        yield Text("SIMULATED: made-up models; this proves nothing about a real one.", style="bold yellow")
    verdict = Text(words.VERDICTS[facts.verdict].upper(), style=_STYLES[facts.verdict.value])
    yield Text.assemble(verdict, "  ", _plain(facts.sentence))
    yield Text()
    yield _table(facts)
    yield Text()
    yield _list((rung.name, rung.why) for rung in rungs(facts) if rung.state != "reference")
    yield Text()
    yield _list(_remarks(facts))


def _remarks(facts: Facts) -> Iterator[tuple[str, str]]:
    if facts.escalation is not None:
        passed = facts.escalation
        ends = numbers.interval(passed.lower, passed.upper)
        yield "passed up", f"{numbers.share(passed.rate)} of requests ({ends}, n {numbers.count(passed.n)})"
    for found in facts.extraction:
        yield f"fields, {found.split}", words.extraction_words(found)
    yield "evidence", words.evidence_words(facts)
    for line in unmeasured(facts):
        yield numbers.NOT_MEASURED, line
    for line in facts.notes:
        yield "note", line
    yield "next", facts.next_step
    for name, path in (("certificate", facts.certificate), ("report", facts.report)):
        if path is not None:
            yield name, path


def _table(facts: Facts) -> Table:
    table = Table(box=None, padding=(0, 1, 1, 0), pad_edge=False, header_style="dim", show_edge=False)
    table.add_column("model", overflow="fold")
    for name in ("quality", "p50\np95", "memory", "size", "energy", "cost\nper 1,000"):
        table.add_column(name, no_wrap=True)
    for rung in rungs(facts):
        table.add_row(_name(rung), _quality(rung), _latency(rung), *map(_cell, _costs(rung)))
    return table


def _name(rung: Rung) -> Text:
    name = Text(_plain(rung.name), style="bold" if rung.is_chosen else "")
    return Text("\n").join(
        (name, Text(_plain(rung.kind), style="dim"), Text(rung.verdict, style=_STYLES[rung.state]))
    )


def _costs(rung: Rung) -> tuple[str, str, str, str]:
    return rung.memory, rung.size, rung.energy, rung.cost


def _quality(rung: Rung) -> Text:
    if rung.quality is None:
        return _cell(numbers.NOT_MEASURED)
    ends = numbers.interval(rung.quality.lower, rung.quality.upper)
    return Text(f"{numbers.share(rung.quality.estimate)}\n{ends}\nn {numbers.count(rung.quality.n)}")


def _latency(rung: Rung) -> Text:
    if rung.latency == numbers.NOT_MEASURED:
        return _cell(rung.latency)
    n = "" if rung.latency_n is None else f"\nn {numbers.count(rung.latency_n)}"
    return Text(rung.latency.replace(" / ", "\n") + n)


def _cell(text: str) -> Text:
    if text == numbers.NOT_MEASURED:
        return Text(text.replace(" ", "\n"), style="dim")
    return Text(text)


def _list(items: Iterable[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(max_width=24, overflow="fold", style="bold")
    table.add_column(overflow="fold")
    for name, text in items:
        table.add_row(Text(_plain(name)), Text(_plain(text)))
    return table


def _plain(text: str) -> str:
    """Returns the text without control characters: a label must not steer the terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
