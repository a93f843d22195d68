"""A model behind a gate."""

import asyncio

import numpy as np
import pytest

from suffice.adapt.gain.fit import fit_gain
from suffice.errors import ArtefactError
from suffice.models import registry, trust
from suffice.models.gain import gate
from suffice.models.gain.score import GainModel
from suffice.models.recorded import RecordedModel
from suffice.ports import Answer, Request

N = 240


def rows(seed=0):
    """Returns prompts, answers and marks: the small model fails on sums, where the reference does not."""
    rng = np.random.default_rng(seed)
    sums = rng.random(N) < 0.5
    prompts = [
        f"{'add the numbers' if s else 'name the city'} {i} of {rng.integers(99)}" for i, s in enumerate(sums)
    ]
    small = np.where(sums, rng.random(N) < 0.3, rng.random(N) < 0.9)
    return prompts, ["yes"] * N, small, rng.random(N) < 0.9


def score() -> GainModel:
    """Returns a score fitted without an encoder."""
    prompts, answers, small, large = rows()
    given = [Answer(text=answer) for answer in answers]
    return fit_gain(gate.exchanges_of(prompts, given), small, large)


@pytest.fixture(name="folder")
def _folder(tmp_path):
    inner, out = tmp_path / "inner", tmp_path / "gate"
    inner.mkdir()
    out.mkdir()
    RecordedModel("small", {"a": "yes", "b": "yes"}).seal(inner)
    gate.seal(inner, score(), out=out, name="small", encoder=None)
    return out


def requests():
    """Returns a request on which escalating gains much, one on which it gains little."""
    return [Request(text="add the numbers 7 of 8", key="a"), Request(text="name the city 7 of 8", key="b")]


@pytest.mark.slow
def test_it_trusts_where_escalating_gains_little(folder):
    """The answers are the inner model's; trust is low where the reference would do better."""
    model = registry.load(folder)
    hard, easy = asyncio.run(model.answer(requests()))
    assert ("yes", "yes", "small") == (hard.text, easy.text, model.name)
    assert 0.0 <= hard.trust < 0.4 < easy.trust <= 1.0


@pytest.mark.slow
def test_a_gate_over_an_open_model_trusts_the_same(folder):
    """The run's own connected model gets the very trust that the served one will get."""
    again = gate.GatedModel.over(RecordedModel("small", {"a": "yes", "b": "yes"}), folder)
    served = asyncio.run(registry.load(folder).answer(requests()))
    assert served == asyncio.run(again.answer(requests()))


@pytest.mark.slow
def test_a_changed_score_is_refused(folder):
    """The score is part of what is served, so its bytes are checked."""
    path = folder / "gain" / "gain.json"
    path.write_text(path.read_text().replace("learnt", "guessed", 1))
    with pytest.raises(ArtefactError, match=r"gain\.json"):
        registry.load(folder)


def test_the_usual_rule_prefers_the_gate():
    """Where there is a gate its trust counts; else confidence times familiarity."""
    rule = trust.RULES[trust.DEFAULT]
    assert 0.25 == rule(Answer(text="a", confidence=0.9, novelty=0.5, trust=0.25), Request(text=""))
    assert 0.45 == rule(Answer(text="a", confidence=0.9, novelty=0.5), Request(text=""))


def test_confidence_counts_only_where_every_answer_has_one():
    """A score is not fitted on a column with holes; one fitted with it takes a hole for no confidence."""
    some = [Answer(text="a", confidence=0.5), Answer(text="b")]
    assert () == tuple(part for part in gate.exchanges_of(["p", "q"], some).parts if part != "answers")
    needs = GainModel(order="confidence", parts=("confidence",), rows=0, why="")
    assert [0.5, 0.0] == list(gate.exchanges_of(["p", "q"], some, needs).confidence)
