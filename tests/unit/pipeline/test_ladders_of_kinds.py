"""The automatic ladder of each kind of task, and what live models are told."""

from dataclasses import replace
from pathlib import Path

import pytest

from suffice.candidate import Candidate
from suffice.errors import SpecError
from suffice.pipeline.rungs import ladder
from suffice.pipeline.rungs.live_models import prompt_of
from suffice.readers.task_file import spec_of
from suffice.task import Kind

TASK = {
    "version": 1,
    "name": "x",
    "kind": "extract",
    "data": "rows.jsonl",
    "bars": {"quality": {"target": "absolute", "at_least": 0.9}},
}


@pytest.mark.parametrize(
    ("kind", "usual", "dear"),
    [
        (Kind.CLASSIFY, ["linear", "linear-distilled", "encoder"], ["encoder-tuned"]),
        (Kind.EXTRACT, ["tagger"], ["encoder-tagger", "tiny-2", "tiny-4", "tiny-6"]),
        (Kind.GENERATE, ["tiny-2"], ["tiny-4", "tiny-6"]),
    ],
)
def test_each_kind_has_its_ladder(kind, usual, dear):
    """What takes seconds first, what takes minutes only if needed."""
    first, second = ladder.automatic(kind)
    assert (usual, dear) == ([c.name for c in first.candidates], [c.name for c in second.candidates])


def test_a_kind_without_rungs_says_so():
    """Ranking has no model of its own yet."""
    with pytest.raises(SpecError, match="'rank' has no automatic ladder"):
        ladder.automatic(Kind.RANK)


def test_extras_are_those_of_making_and_serving():
    """A decoder is made by one extra and served by another; a tagger needs none."""
    usual, dear = ladder.automatic(Kind.EXTRACT)
    assert () == ladder.extras_of(usual.candidates[0])
    assert () == ladder.extras_of(dear.candidates[0])
    assert ("train", "gguf") == ladder.extras_of(dear.candidates[1])


def test_an_encoder_that_is_not_here_is_named(tmp_path):
    """The rung that reads its states is left out with that reason; where the weights are, nothing lacks."""
    dear = ladder.automatic(Kind.EXTRACT)[1].candidates[0]
    missing = replace(dear, settings=(("weights", str(tmp_path)),))
    assert f"{tmp_path} holds no model.safetensors" == ladder.lacking(missing)
    assert "" == ladder.lacking(Candidate(name="t", kind="tagger", method="tagger"))


def test_a_tagger_that_reads_states_can_be_listed():
    """By its method; its settings stay with it."""
    listed = [{"kind": "tagger"}, {"kind": "tagger", "method": "encoder-tagger", "layers": 3}]
    rungs, dear = ladder.of_spec(spec_of(TASK | {"ladder": listed}, base=Path()))
    assert [("tagger", "tagger"), ("tagger-encoder-tagger", "encoder-tagger")] == [
        (rung.name, rung.method) for rung in rungs.candidates
    ]
    assert 3 == rungs.candidates[1].setting("layers", 0)
    assert () == dear.candidates


@pytest.mark.parametrize(
    ("kind", "listed", "message"),
    [
        ("extract", {"kind": "linear"}, "serves kind classify, not extract"),
        ("classify", {"kind": "tagger"}, "serves kind extract, not classify"),
        ("extract", {"kind": "tagger", "method": "linear"}, "method 'linear' makes linear models"),
    ],
)
def test_a_model_of_another_kind_of_task_is_refused(kind, listed, message):
    """Before anything is read or made."""
    spec = spec_of(TASK | {"kind": kind, "ladder": [listed]}, base=Path())
    with pytest.raises(SpecError, match=message):
        ladder.of_spec(spec)


def test_an_agreement_has_members():
    """Two at least, none twice; they reach the candidate as one setting."""
    listed = [
        {"kind": "recorded", "name": "a", "answers": "a"},
        {"kind": "agreement", "name": "both", "members": ["a", "b"]},
    ]
    spec = spec_of(TASK | {"ladder": listed}, base=Path())
    assert "a\nb" == spec.ladder[1].rung.setting("members", "")
    again = spec_of(spec.model_dump(mode="json"), base=Path())
    assert spec.ladder == again.ladder
    for members in (["a"], ["a", "a"], "a"):
        with pytest.raises(SpecError):
            spec_of(TASK | {"ladder": [listed[0], listed[1] | {"members": members}]}, base=Path())


def test_what_live_models_are_told():
    """Extract: instruction and schema. Classify: labels. Generate: the instruction alone."""
    schema = {"type": "object"}
    assert prompt_of(Kind.EXTRACT, schema=schema, instruction="Find it.").startswith(
        "Find it.\nAnswer with one JSON"
    )
    assert '{"type":"object"}' in prompt_of(Kind.EXTRACT, schema=schema, instruction="")
    assert "{labels}" in prompt_of(Kind.CLASSIFY, schema=None, instruction="Sort it.")
    assert prompt_of(Kind.CLASSIFY, schema=None, instruction="") is None
    assert "Sum up." == prompt_of(Kind.GENERATE, schema=None, instruction="Sum up.")
    assert prompt_of(Kind.GENERATE, schema=None, instruction="") is None
