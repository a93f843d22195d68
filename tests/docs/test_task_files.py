"""Task files in the pages are valid, whole ones and parts."""

from pathlib import Path

import pytest
import yaml

from suffice.readers.task_file import spec_of
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
# Site files, which begin with `suffice`, are held against their own schema beside their reader.
BLOCKS = [block for block in blocks("yaml") if "suffice" not in yaml.safe_load(block.text)]


@pytest.mark.parametrize("block", BLOCKS, ids=map(str, BLOCKS))
def test_task_file_is_valid(block):
    """A block with `version` is a whole task file; another one's keys go into a small whole one."""
    value = yaml.safe_load(block.text)
    spec = spec_of(value if "version" in value else WHOLE | value, base=Path())
    assert 1 == spec.version
