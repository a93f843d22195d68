"""Whatever stands at whatever place of a site file: it is read, or told in a complaint; never a traceback."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from suffice.errors import SpecError
from suffice.serve.site.read import site_from_values, site_of
from suffice.serve.site.site import Site
from tests.unit.serve.site.test_site_file import FULL

ODD: list[Any] = [
    *(None, True, 0, -1, 0.5, 1e308, float("nan"), float("inf"), 10**30),
    *(
        "",
        " ",
        "x",
        "\x00",
        "☃",
        "x" * 10_000,
        "../../..",
        "http://[",
        "postgresql://[",
        "%",
        "?",
        "~nobody-here/x",
    ),
    *(
        [],
        [None],
        [[]],
        ["x", "x"],
        {},
        {"": None},
        {"x": {}},
        {"kind": "upstream"},
        {"kind": "human", "x": 1},
    ),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yields the path of every key and item."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


@pytest.mark.parametrize("offline", [False, True])
def test_every_odd_value_at_every_place_is_read_or_told(tmp_path: Path, offline: bool) -> None:  # noqa: FBT001
    """Each key of an example in turn, with each of the odd values, and without it."""
    (tmp_path / "runs" / "tickets").mkdir(parents=True)
    whole = yaml.safe_load(FULL.replace("https://api.example.com", "http://127.0.0.1:1"))
    whole |= {"store": "postgresql://u@127.0.0.1/x", "traces": {"endpoint": "http://127.0.0.1:4318/v1"}}
    whole |= {"offline": offline, "offline_allow": ["example.com:443"]}
    read = told = 0
    for *parents, last in places(whole):
        for odd in [*ODD, "remove"]:
            changed = copy.deepcopy(whole)
            parent = changed
            for step in parents:
                parent = parent[step]
            if odd == "remove":
                del parent[last]
            else:
                parent[last] = odd
            try:
                assert isinstance(site_from_values(changed, base=tmp_path), Site)
                read += 1
            except SpecError:
                told += 1
    assert read > 100
    assert told > 500


@pytest.mark.parametrize("odd", [None, [], "x", 1, {}, {"suffice": 1}, {1: 2}])
def test_an_odd_file_is_told(odd: Any) -> None:
    """What is no site file at all."""
    with pytest.raises(SpecError):
        site_from_values(odd, base=Path())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"a: [",
        b"\tx",
        b"a: &a [*a]",
        b"!!python/object:os.system {}",
        b"a: 1\na: 2\n",
        b"--- 1\n--- 2",
    ],
)
def test_any_bytes_are_told(tmp_path: Path, data: bytes) -> None:
    """Files that are not YAML, not UTF-8, or want more than plain values."""
    path = tmp_path / "site.yaml"
    path.write_bytes(data)
    with pytest.raises(SpecError):
        site_of(path)


def test_a_folder_and_no_file_are_told(tmp_path: Path) -> None:
    """A path that leads nowhere."""
    with pytest.raises(SpecError, match="cannot read the site file"):
        site_of(tmp_path / "none.yaml")
