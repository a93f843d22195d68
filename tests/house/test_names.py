"""Names: the public ones, and those no file may have."""

import ast
from pathlib import Path

import pytest

import suffice
from suffice import errors

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "suffice").rglob("*.py"))
FORBIDDEN = {"utils", "util", "common", "helpers", "helper", "base", "misc", "manager", "handler", "core"}


def test_public_names_are_sorted_and_there():
    """`__all__` is sorted, and every name in it can be had."""
    assert sorted(suffice.__all__) == list(suffice.__all__)
    for name in suffice.__all__:
        assert getattr(suffice, name) is not None


def test_unknown_name_is_an_attribute_error():
    """The lazy root behaves like a module."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = suffice.nothing


def test_no_file_has_a_name_that_says_nothing():
    """A file is named after its idea."""
    assert [] == [str(path) for path in SOURCES if path.stem.lower() in FORBIDDEN]


def test_every_module_says_what_it_is_for():
    """Each file starts with a docstring."""
    undocumented = [
        str(path)
        for path in SOURCES
        if path.read_text() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert [] == undocumented


def test_error_tree_is_drawn_whole():
    """Each error class stands in the drawing at the top of its module."""
    classes = [name for name, value in vars(errors).items() if isinstance(value, type)]
    drawing = errors.__doc__ or ""
    assert [] == [name for name in classes if name not in drawing]


def test_version_is_the_changelogs():
    """The package's version is in the changelog, or still unreleased at its top."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    first = next(line for line in changelog.splitlines() if line.startswith("## "))
    assert first == "## Unreleased" or suffice.__version__ in first
    assert f'version = "{suffice.__version__}"' in (ROOT / "pyproject.toml").read_text()
