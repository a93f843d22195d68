"""A decoder from a file as a rung: asked, measured, and told honestly that it knows nothing."""

import json

import pytest

import suffice
from suffice.bar import Verdict
from tests.flow.command_line import refused
from tests.flow.conftest import made_rows
from tests.unit.models.gguf import tiny_gguf

pytest.importorskip("xllamacpp", reason="the extra gguf serves GGUF files")
pytestmark = pytest.mark.slow

LADDER = """\
ladder:
  - {kind: gguf, name: asked, method: prompt, file: models/chance.gguf, shots: 2, codes: true, threads: 1}
"""


def test_chance_weights_do_not_meet_the_bar_and_the_report_says_so(make_task, tmp_path):
    """The file is found beside the task file; the rung is named with its quality and its order bias."""
    task = make_task(
        made_rows(160, reference_errs=0.05), quality="{target: absolute, at_least: 0.9}", ladder=LADDER
    )
    (tmp_path / "models").mkdir()
    weights = tiny_gguf.write_byte_bpe(tmp_path / "models" / "chance.gguf")
    outcome = suffice.run(task, out=tmp_path / "run")
    assert Verdict.PASS is not outcome.facts.verdict
    assert not (tmp_path / "run" / "certificate.json").exists()
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert "asked" in {candidate["name"] for candidate in report["candidates"]}
    assert any("lists the labels the other way round" in note for note in outcome.facts.notes)
    assert "other way round" in (tmp_path / "run" / "report.html").read_text()
    made = next((tmp_path / "run" / "work").rglob("model.gguf"))
    assert weights.read_bytes() == made.read_bytes()


def test_a_file_that_is_not_there_or_no_gguf_is_refused(make_task, tmp_path):
    """Exit code 2, the place that was looked at, and what to type."""
    task = make_task(
        made_rows(80, reference_errs=0.05), quality="{target: absolute, at_least: 0.9}", ladder=LADDER
    )
    complaint = refused("run", task, "--out", tmp_path / "run")
    assert "models/chance.gguf" in complaint
    assert "relative to the task file" in complaint
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "chance.gguf").write_bytes(b"not a model at all, sorry")
    assert "this is no GGUF file" in refused("run", task, "--out", tmp_path / "run")
