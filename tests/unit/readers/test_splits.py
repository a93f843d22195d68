"""Splits: by content, stable when rows are added, near-duplicates and groups on one side, no leakage."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from suffice.readers.load import load
from suffice.readers.samples import key_of
from suffice.readers.spec import SplitsSpec
from suffice.readers.splits import Splits, cut
from suffice.task import Sample, Split
from tests.unit.readers.writing import labelled, text_number, write_rows, write_task

SHARES = SplitsSpec()


def sample(text: str, *, target: str | None = "a", group: str = "", source: str = "") -> Sample:
    """Returns a sample of a text."""
    return Sample(key=key_of(text), text=text, target=target, group=group, source=source)


def homes(splits: Splits) -> dict[str, Split]:
    """Returns the split of every key."""
    return {row.key: split for split in Split for row in splits.of(split)}


def many(count: int, start: int = 0) -> list[Sample]:
    """Returns samples no two of which are near-duplicates."""
    return [sample(text_number(number * 37)) for number in range(start, start + count)]


def test_shares_are_met() -> None:
    """2,000 rows fall within four standard errors of the shares."""
    splits = cut({None: many(2000)}, SHARES)
    total = sum(len(splits.of(split)) for split in Split)
    for split, share in ((Split.TRAIN, 0.5), (Split.DEV, 0.15), (Split.CERTIFY, 0.35)):
        assert abs(len(splits.of(split)) / total - share) < 4 * (share * (1 - share) / total) ** 0.5


def test_adding_and_shuffling_rows_moves_no_row() -> None:
    """An old row stays where it was, and the order of the rows does not matter."""
    few = homes(cut({None: many(300)}, SHARES))
    more = homes(cut({None: many(600)[::-1]}, SHARES))
    assert few == {key: more[key] for key in few}


def test_near_duplicates_lie_on_one_side_and_certify_keeps_one() -> None:
    """Of ten variants of each text all share a split; in certify one is left, and the rest is counted."""
    base = many(60)
    rows = [sample(f"{row.text} and so on number {n}") for row in base for n in range(10)]
    splits = cut({None: rows}, SHARES)
    found = homes(splits)
    for row in base:
        sides = [found.get(key_of(f"{row.text} and so on number {n}")) for n in range(10)]
        here = {side for side in sides if side is not None}
        assert 1 == len(here)
        assert (1 if here == {Split.CERTIFY} else 10) == 10 - sides.count(None)
    aside = next(finding for finding in splits.findings if finding.what == "certify rows set aside")
    assert 9 * len(splits.certify) == aside.count


def test_certify_prefers_a_labelled_row_of_a_cluster() -> None:
    """A label is not thrown away for a twin without one."""
    rows = [
        sample(f"{row.text} and so on number {n}", target="a" if n == 7 else None)
        for row in many(60)
        for n in range(10)
    ]
    assert {"a"} == {row.target for row in cut({None: rows}, SHARES).certify}


def test_groups_lie_on_one_side() -> None:
    """Rows of one customer never meet rows of the same customer across a split."""
    rows = [replace(row, group=f"customer {number % 40}") for number, row in enumerate(many(400))]
    splits = cut({None: rows}, SHARES)
    sides = [{row.group for row in splits.of(split)} for split in Split]
    assert not sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]
    assert len(sides[2]) == len(splits.certify)
    assert 40 == len(sides[0] | sides[1] | sides[2])


def test_leakage_between_given_files_is_dropped_from_train_and_named() -> None:
    """Exact and near repeats of certify rows leave train; certify stays as given."""
    rows = many(100)
    exact = replace(rows[0], source="train:1")
    near = sample(rows[1].text + " !", source="train:2")
    certify = [replace(row, source=f"certify:{n}") for n, row in enumerate(rows[:50])]
    splits = cut({Split.TRAIN: [*rows[50:], exact, near], Split.CERTIFY: certify}, SHARES)
    assert {row.key for row in certify} == {row.key for row in splits.certify}
    assert not {exact.key, near.key} & {row.key for row in (*splits.train, *splits.dev)}
    leaks = {finding.what: finding for finding in splits.findings}
    assert ("train:1 and certify:0",) == leaks["train rows that repeat certify rows"].examples
    assert ("train:2 and certify:1",) == leaks[
        "train rows that nearly repeat (or share a group with) certify rows"
    ].examples


def test_what_is_not_given_is_cut_out_of_train() -> None:
    """Dev takes its share of train + dev; given rows stay where they were given."""
    rows = many(1300)
    splits = cut({Split.TRAIN: rows[:1000], Split.CERTIFY: rows[1000:]}, SHARES)
    assert 300 == len(splits.certify)
    assert abs(len(splits.dev) / 1000 - 0.15 / 0.65) < 0.06
    given = cut({Split.TRAIN: rows[:500], Split.DEV: rows[500:600], Split.CERTIFY: rows[600:700]}, SHARES)
    assert (500, 100, 100) == (len(given.train), len(given.dev), len(given.certify))


def test_fingerprints_name_the_content_of_a_split() -> None:
    """The order of rows does not count, one row more does."""
    splits = cut({None: many(100)}, SHARES)
    again = cut({None: many(100)[::-1]}, SHARES)
    more = cut({None: many(140)}, SHARES)
    assert splits.fingerprint(Split.CERTIFY) == again.fingerprint(Split.CERTIFY)
    assert splits.fingerprint(Split.CERTIFY) != more.fingerprint(Split.CERTIFY)
    assert 3 == len({splits.fingerprint(split) for split in Split})


def test_a_cluster_that_fills_a_split_is_warned_of() -> None:
    """A template behind a tenth of the rows lies in one split as a whole."""
    rows = [
        *many(200),
        *(sample(f"the one template that everybody has to fill in, number {n}") for n in range(30)),
    ]
    crowd = next(f for f in cut({None: rows}, SHARES).findings if f.what == "near-duplicates")
    assert "the largest cluster has 30 rows; it lies in one split as a whole" in crowd.detail


@pytest.mark.parametrize("rows", [1, 3, 12])
def test_few_rows_are_cut_without_a_fault(rows: int) -> None:
    """However few, every row is in one split."""
    assert rows == len(homes(cut({None: many(rows)}, SHARES)))


def test_files_given_apart_are_read_as_such(tmp_path: Path) -> None:
    """data: {train, certify}: rows keep their side, and the places name the files."""
    write_rows(tmp_path / "a.jsonl", labelled(60))
    write_rows(tmp_path / "b.jsonl", labelled(30, start=5000))
    splits = load(write_task(tmp_path, data="{train: a.jsonl, certify: b.jsonl}")).splits
    sources: Sequence[str] = [row.source for row in splits.certify]
    assert {"b.jsonl"} == {Path(source.partition(":")[0]).name for source in sources}
    assert 60 == len(splits.train) + len(splits.dev)
