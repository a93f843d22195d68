"""Which decoders of the page are made by which command, and that one made earlier is not made again."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from bench import decoder_methods
from suffice.adapt.decoder.scratch.shape import Shape
from suffice.candidate import Candidate
from suffice.models import artefact
from suffice.ports import TrainingRows


def test_the_longest_training_is_made_by_its_name_alone():
    """Without names all others are made; with a name nothing but that."""
    usual = decoder_methods.wanted(None)
    assert "tiny-8" not in usual
    assert {*decoder_methods.TINY, *decoder_methods.TAUGHT} == {*usual, "tiny-8"}
    assert ["tiny-8"] == decoder_methods.wanted(["tiny-8"])


@pytest.mark.parametrize(
    ("name", "millions"), [("tiny-2", 0.3), ("tiny-4", 1), ("tiny-6", 3), ("tiny-8", 10)]
)
def test_the_sizes_are_those_of_the_frontier(name: str, millions: float):
    """From 0.3 to 10 million parameters, to an eighth, with the vocabulary that a depth is given."""
    shape = Shape(depth=int(decoder_methods.TINY[name]["depth"]))
    assert millions == pytest.approx(shape.parameters(shape.most_tokens) / 1e6, rel=0.12)


def test_what_is_made_already_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A sealed folder is taken as it is: no rows are looked at."""
    monkeypatch.setattr(decoder_methods, "MADE", tmp_path)
    (tmp_path / "tiny-8").mkdir()
    artefact.seal(tmp_path / "tiny-8", kind="gguf", settings={})
    candidate = Candidate(name="tiny-8", kind="gguf", method="tiny")
    nothing = TrainingRows(labels=(), train=[], dev=[])
    assert tmp_path / "tiny-8" == decoder_methods.made(candidate, nothing)
