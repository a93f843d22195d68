"""Links between the pages lead somewhere."""

import re

import pytest

from tests.docs.pages import PAGES, ROOT

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#([^)\s]+))?\)")
WITH_MAP = (*PAGES, ROOT / "llms.txt", ROOT / "CHANGELOG.md")


@pytest.mark.parametrize("page", WITH_MAP, ids=[str(page.relative_to(ROOT)) for page in WITH_MAP])
def test_relative_links_exist(page):
    """Every link that is no web address names a file of the project."""
    targets = [target for target, _ in _LINK.findall(page.read_text(encoding="utf-8"))]
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [] == [target for target in local if not (page.parent / target).exists()]


def test_every_page_is_on_the_map():
    """llms.txt lists every page of docs/ and the README."""
    map_ = (ROOT / "llms.txt").read_text(encoding="utf-8")
    assert [] == [str(page.relative_to(ROOT)) for page in PAGES if str(page.relative_to(ROOT)) not in map_]
