"""The shape of the code: layers, sizes, frozen nouns, and no door for pickled code."""

import ast
import dataclasses
import importlib
import logging
import re
from pathlib import Path

import pytest
from importlinter import api as layers
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "suffice").rglob("*.py"))
NOUNS = ("task", "bar", "candidate", "measurement", "certificate", "cascade", "ports")

# Files and functions over the limit when the limit was made. The lists may only shrink.
LONG_FILES: dict[str, int] = {}
LONG_FUNCTIONS: dict[str, int] = {}
LINES_A_FILE, LINES_A_FUNCTION = 320, 60


def relative(path):
    """Returns a path as written in the lists."""
    return path.relative_to(ROOT / "src" / "suffice").as_posix()


def test_no_file_holds_two_ideas():
    """A file over the limit is split by idea."""
    sizes = {relative(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert {} == {n: s for n, s in sizes.items() if s > LONG_FILES.get(n, LINES_A_FILE)}


def test_no_function_is_longer_than_a_screen():
    """A function over the limit is split."""
    found = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                name = f"{relative(path)}:{node.name}"
                if length > LONG_FUNCTIONS.get(name, LINES_A_FUNCTION):
                    found[name] = length
    assert {} == found


@pytest.mark.parametrize("noun", NOUNS)
def test_nouns_are_frozen_and_keyword_only(noun):
    """Every dataclass of the nouns cannot change, and is built by naming its fields."""
    module = importlib.import_module(f"suffice.{noun}")
    for name, value in vars(module).items():
        if dataclasses.is_dataclass(value) and value.__module__ == module.__name__:
            assert value.__dataclass_params__.frozen, name
            assert all(field.kw_only for field in dataclasses.fields(value)), name


@pytest.mark.slow
def test_imports_go_one_way(monkeypatch):
    """The layers of pyproject.toml hold."""
    monkeypatch.chdir(ROOT)
    configuration = layers.read_configuration(str(ROOT / "pyproject.toml"))
    assert configuration["contracts_options"]
    known = logging.root.manager.loggerDict.values()
    before = {logger: logger.disabled for logger in known if isinstance(logger, logging.Logger)}
    try:
        assert 0 == lint_imports(no_cache=True)
    finally:  # its way to set logging up switches every other logger off, for the tests to come too
        for logger, was_disabled in before.items():
            logger.disabled = was_disabled


def test_nothing_reads_pickled_code():
    """No file loads pickles, nor lets a hub's code run."""
    forbidden = re.compile(
        r"import pickle|pickle\.load|joblib|torch\.load|allow_pickle=True|trust_remote_code\s*=\s*True"
    )
    assert [] == [relative(path) for path in SOURCES if forbidden.search(path.read_text())]


def test_the_tree_names_no_registry_and_no_machine():
    """Nothing in the package, its tests or its pages names a package registry's host or this machine."""
    forbidden = re.compile(r"pypi\.org|pythonhosted|registry\.npmjs|/root/|/home/\w+/|/work/")
    pages = [
        *SOURCES,
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("bench/*.py"),
        ROOT / "Makefile",
    ]
    assert [] == [path.name for path in pages if forbidden.search(path.read_text())]
