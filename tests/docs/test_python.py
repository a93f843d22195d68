"""Python blocks in the pages run: each page's blocks in order, beside a small task."""

import json

import pytest

from tests.docs.pages import PAGES, ROOT, blocks
from tests.flow.conftest import made_rows

TASK = """\
version: 1
name: tickets
kind: classify
data: tickets.jsonl
input: text
target: label
reference: {answers: gpt, usd_per_1m_input: 2.5, usd_per_1m_output: 10.0, latency_ms: 600}
bars: {quality: {metric: accuracy, target: non_inferior, margin: 0.02}}
ladder: [{kind: linear}]
"""
WITH_CODE = [page for page in PAGES if blocks("python", pages=[page])]


@pytest.fixture(name="desk", scope="module")
def _desk(tmp_path_factory):
    """A folder with `task.yaml` and `new.jsonl`; later pages go on from what earlier ones ran in it."""
    desk = tmp_path_factory.mktemp("desk")
    rows = made_rows(1200, reference_errs=0.1)
    (desk / "tickets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (desk / "new.jsonl").write_text("".join(json.dumps({"text": row["text"]}) + "\n" for row in rows[:5]))
    (desk / "task.yaml").write_text(TASK)
    return desk


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_CODE, ids=[str(page.relative_to(ROOT)) for page in WITH_CODE])
def test_blocks_run(page, desk, monkeypatch):
    """Nothing that a reader copies raises, and every assertion in it holds."""
    monkeypatch.chdir(desk)
    monkeypatch.setenv("SUFFICE_HOME", str(desk / "home"))
    names = {"__name__": "page"}
    for block in blocks("python", pages=[page]):
        exec(compile("\n" * block.line + block.text, str(block), "exec"), names)  # noqa: S102 - the test itself


def test_the_readme_has_code():
    """The README shows the use from Python."""
    assert ROOT / "README.md" in WITH_CODE
