"""The price book: the shipped one is whole, and an edited one is checked entry by entry."""

from pathlib import Path

import pytest

from suffice.errors import SpecError
from suffice.measure import price_book

BOUGHT = "{purchase_usd: 1, lifetime_years: 0, watts: 5, usd_per_kwh: 1, utilisation: 1, as_of: x, source: y}"


def written(folder: Path, text: str) -> Path:
    """Returns the path of a price book of this text."""
    path = folder / "prices.yaml"
    path.write_text(text)
    return path


def test_the_shipped_book_has_dated_entries() -> None:
    """Every price says when and where it was read, and the default machine is there."""
    book = price_book.load()
    assert price_book.DEFAULT_MACHINE in book.machines
    entries = [*book.machines.values(), *book.models.values()]
    assert all(entry.as_of.startswith("20") and entry.source for entry in entries)
    assert all(machine.hourly_usd > 0 for machine in book.machines.values())
    assert 10.0 == book.models["gpt-4o"].price.usd_per_1m_output


def test_dates_may_be_whole(tmp_path: Path) -> None:
    """YAML turns a full date into one; the book keeps it as written."""
    text = (
        "version: 1\nmodels: {m: {usd_per_1m_input: 1, usd_per_1m_output: 2, as_of: 2026-11-22, source: x}}"
    )
    assert "2026-11-22" == price_book.load(written(tmp_path, text)).models["m"].as_of


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must begin with `version: 1`"),
        ("version: 2", "must begin with `version: 1`"),
        ("[", "cannot be read"),
        ("version: 1\nmachine: {}", "unknown key 'machine'"),
        ("version: 1\nmachines: [a]", "must be a mapping of names"),
        ("version: 1\nmachines: {a: 5}", r"machines\.a must be a mapping, not 5"),
        ("version: 1\nmachines: {a: {usd_per_hr: 5}}", r"machines\.a has the unknown key 'usd_per_hr'"),
        ("version: 1\nmachines: {a: {usd_per_hour: -5}}", r"usd_per_hour must be a number >= 0, not -5"),
        ("version: 1\nmachines: {a: {usd_per_hour: .nan}}", "must be a number >= 0, not nan"),
        ("version: 1\nmachines: {a: {usd_per_hour: yes}}", "must be a number >= 0, not True"),
        ("version: 1\nmachines: {a: {usd_per_hour: 5}}", r"machines\.a lacks as_of, source, utilisation"),
        (
            "version: 1\nmachines: {a: {utilisation: 1, as_of: x, source: y}}",
            "a: a machine has usd_per_hour, or",
        ),
        (
            "version: 1\nmachines: {a: {usd_per_hour: 1, watts: 5, utilisation: 1, as_of: x, source: y}}",
            "rented .* or bought .* not both",
        ),
        (
            "version: 1\nmachines: {a: {usd_per_hour: 1, utilisation: 0, as_of: x, source: y}}",
            "utilisation must lie above 0",
        ),
        (
            f"version: 1\nmachines: {{a: {BOUGHT}}}",
            "lifetime_years must lie above 0",
        ),
        ("version: 1\nmodels: {m: {usd_per_1m_input: 1, as_of: x, source: y}}", r"models\.m lacks a price"),
    ],
)
def test_wrong_entries_are_named(tmp_path: Path, text: str, message: str) -> None:
    """Each fault gives an error that names the entry and what was expected."""
    with pytest.raises(SpecError, match=message):
        price_book.load(written(tmp_path, text))


def test_an_absent_file_and_an_unknown_machine(tmp_path: Path) -> None:
    """A wrong path and a wrong name are set-up errors that say what there is."""
    with pytest.raises(SpecError, match="cannot be read"):
        price_book.load(tmp_path / "none.yaml")
    with pytest.raises(SpecError, match="no machine 'mainframe'; it has cloud-2-cores"):
        price_book.load().machine("mainframe")
