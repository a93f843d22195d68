"""The error-budget account."""

import sqlite3

import pytest

from suffice.ledger.looks import LookBook


def halving(number):
    """Each look gets half of what the one before it got."""
    return 0.05 * 0.5**number


@pytest.fixture(name="book")
def _book(tmp_path):
    book = LookBook(tmp_path / "ledger.sqlite")
    yield book
    book.close()


def test_first_look_is_number_one(book):
    """Rows nobody has looked at give look 1."""
    look = book.open_look(["a", "b"], what="first", alpha_of=halving)
    assert (1, 0.025) == (look.number, look.alpha)


def test_resuming_spends_nothing(book):
    """The same `what` gets the look it had, whatever happened since."""
    first = book.open_look(["a"], what="first", alpha_of=halving)
    book.open_look(["a"], what="second", alpha_of=halving)
    assert first == book.open_look(["a"], what="first", alpha_of=halving)


def test_one_shared_row_makes_it_a_retry(book):
    """A split that shares one row with an earlier look is a further look."""
    book.open_look(["a", "b"], what="first", alpha_of=halving)
    assert 2 == book.open_look(["b", "c"], what="second", alpha_of=halving).number


def test_fresh_rows_start_anew(book):
    """Rows that share nothing with earlier looks have their whole budget."""
    book.open_look(["a", "b"], what="first", alpha_of=halving)
    assert 1 == book.open_look(["c"], what="second", alpha_of=halving).number


def test_chain_of_overlaps_counts_up(book):
    """Overlapping with the second look makes a third, even where the first shares nothing."""
    book.open_look(["a", "b"], what="first", alpha_of=halving)
    book.open_look(["b", "c"], what="second", alpha_of=halving)
    assert 3 == book.open_look(["c", "d"], what="third", alpha_of=halving).number


def test_looks_survive_reopening(tmp_path):
    """The account is on disk."""
    LookBook(tmp_path / "l.sqlite").open_look(["a"], what="first", alpha_of=halving)
    assert 2 == LookBook(tmp_path / "l.sqlite").open_look(["a"], what="second", alpha_of=halving).number


def test_a_look_cannot_be_taken_back(book, tmp_path):
    """The database itself refuses to delete or change a look."""
    book.open_look(["a"], what="first", alpha_of=halving)
    other = sqlite3.connect(tmp_path / "ledger.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="never taken back"):
        other.execute("DELETE FROM looks")
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        other.execute("UPDATE looks SET alpha = 0")
    other.close()
