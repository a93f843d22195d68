"""Task files and site files in the pages are valid, whole ones and parts."""

from pathlib import Path

import pytest
import yaml

from suffice.readers.spec import Spec
from suffice.readers.task_file import spec_of
from suffice.serve.site.read import site_from_values
from suffice.serve.site.schema import SiteFile
from tests.docs.pages import blocks

WHOLE = {
    "version": 1,
    "name": "example",
    "kind": "classify",
    "data": "rows.jsonl",
    "input": "text",
    "target": "label",
    "reference": {"answers": "gpt_answer"},
    "bars": {"quality": {"target": "non_inferior", "margin": 0.02}},
}
WHOLE_SITE = {
    "suffice": 1,
    "models": {"ask": {"tiers": ["people"]}},
    "tiers": {"people": {"kind": "human"}},
}


def is_of_site(block):
    """Says whether a block has keys of a site file that no task file has."""
    return bool(set(yaml.safe_load(block.text)) & (set(SiteFile.model_fields) - set(Spec.model_fields)))


TASKS = [block for block in blocks("yaml") if not is_of_site(block)]
SITES = [block for block in blocks("yaml") if is_of_site(block)]


@pytest.mark.parametrize("block", TASKS, ids=map(str, TASKS))
def test_task_file_is_valid(block):
    """A block with `version` is a whole task file; another one's keys go into a small whole one."""
    value = yaml.safe_load(block.text)
    spec = spec_of(value if "version" in value else WHOLE | value, base=Path())
    assert 1 == spec.version


@pytest.mark.parametrize("block", SITES, ids=map(str, SITES))
def test_site_file_is_valid(block, tmp_path):
    """A block with `suffice` is a whole site file; another one's keys go into a small whole one."""
    value = yaml.safe_load(block.text)
    for model in value.get("models", {}).values():
        (tmp_path / model.get("bundle", "")).mkdir(parents=True, exist_ok=True)
    names = value.get("privacy", {}).get("names")
    if names is not None:
        (tmp_path / (names if isinstance(names, str) else names["bundle"])).mkdir(parents=True, exist_ok=True)
    site = site_from_values(value if "suffice" in value else WHOLE_SITE | value, base=tmp_path)
    assert set(value.get("models", WHOLE_SITE["models"])) == set(site.routes)
