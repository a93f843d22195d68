"""A tiny decoder taught by a larger rung."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from suffice.adapt.decoder import examples
from suffice.adapt.decoder.scratch import distil, tiny, tokenizer
from suffice.adapt.decoder.scratch.tiny_net import TinyNet
from suffice.adapt.registry import method
from suffice.candidate import Candidate
from suffice.errors import SpecError
from suffice.models import artefact, registry
from suffice.models.gguf.model import GgufModel
from suffice.ports import TrainingRows
from tests.unit.adapt import toy_desk
from tests.unit.adapt.decoder import toy_frames

torch = pytest.importorskip("torch")
pytest.importorskip("conversion")
pytest.importorskip("xllamacpp")
pytestmark = [pytest.mark.train, pytest.mark.slow]

_SETTINGS = (("depth", 2), ("epochs", 2), ("threads", 1), ("type", "f32"))
_STUDENT = Candidate(
    name="student", kind="gguf", method="distil-decoder", teacher="teacher", settings=_SETTINGS
)


def _made(candidate: Candidate, rows: TrainingRows, out: Path, *, teacher: Path | None = None) -> Path:
    out.mkdir(parents=True)
    method(candidate.method).apply(
        candidate, rows, out=out, teacher=teacher, seed=1, progress=toy_desk.hear_nothing
    )
    return out


@pytest.fixture(scope="module")
def teacher(tmp_path_factory) -> Path:
    """A tiny decoder of the toy frames."""
    candidate = Candidate(name="teacher", kind="gguf", method="tiny", settings=_SETTINGS)
    return _made(candidate, toy_frames.rows(), tmp_path_factory.mktemp("teacher") / "made")


def test_the_tokenizer_comes_back_from_the_file(teacher: Path):
    """Tokens, twins and control tokens are those that were learnt."""
    learnt = tiny.tiny_lesson(
        Candidate(name="t", kind="gguf", method="tiny", settings=_SETTINGS), toy_frames.rows()
    ).tokenizer
    found = tokenizer.of_gguf(teacher / "model.gguf")
    assert found is not None
    assert (learnt.base, learnt.has_space) == (found.base, found.has_space)
    for text in (
        *(one.text for one in toy_frames.samples(30, seed=5)),
        "naïve 🙂 12",
        '","what":"',
        "<|end|>",
    ):
        assert learnt.plain(text) == found.plain(text)
        assert learnt.markup(text) == found.markup(text)


def test_the_files_logits_are_those_of_the_net(teacher: Path):
    """What llama.cpp says of the answers' tokens is what the exported weights say in torch."""
    lesson = tiny.tiny_lesson(
        Candidate(name="t", kind="gguf", method="tiny", settings=_SETTINGS), toy_frames.rows()
    )
    net = TinyNet(lesson.shape, lesson.tokenizer, seed=0)
    read = examples.batch(torch, lesson.dev[:20], pad_id=net.pad_id, document_weight=0.0, device="cpu")
    wanted = read.weights > 0
    model = registry.load(teacher)
    assert isinstance(model, GgufModel)
    said = distil.Logits(model.served.engine)(read.ids, wanted)
    assert (int(wanted.sum()), lesson.tokenizer.size) == tuple(said.shape)
    alone = distil.Logits(model.served.engine)(read.ids[3:4], wanted[3:4])
    place = int(wanted[:3].sum())
    assert np.allclose(alone.numpy(), said[place : place + len(alone)].numpy(), atol=0.05)
    truth = read.ids[wanted]
    loss = float(torch.nn.functional.cross_entropy(said, truth))
    assert abs(loss - artefact.unseal(teacher).settings["training"]["dev_loss"]) < 0.5


def test_a_student_learns_logits_and_answers(teacher: Path, tmp_path: Path):
    """Rows without a target get the teacher's; the sealed student has the teacher's tokenizer."""
    rows = toy_frames.rows()
    open_rows = [replace(one, target=None) for one in toy_frames.samples(20, seed=9)]
    out = _made(_STUDENT, replace(rows, unlabelled=open_rows), tmp_path / "out", teacher=teacher)
    about = artefact.unseal(out).settings["training"]
    assert about["train_rows"] == 120 + about["rows_answered_by_teacher"] <= 140
    assert ("teacher", True) == (about["teacher"], about["teacher_logits"])
    taught, learnt = (tokenizer.of_gguf(folder / "model.gguf") for folder in (teacher, out))
    assert taught is not None
    assert learnt is not None
    assert taught.tokenizer.get_vocab() == learnt.tokenizer.get_vocab()


def test_a_teacher_with_nothing_to_teach_is_told(teacher: Path, tmp_path: Path):
    """No teacher; or one of no logits, where every row has its target."""
    with pytest.raises(SpecError, match="'student' needs a 'teacher'"):
        _made(_STUDENT, toy_frames.rows(), tmp_path / "none")
    silent = replace(_STUDENT, settings=(*_SETTINGS, ("logits", False)))
    with pytest.raises(SpecError, match="the teacher of 'student' has nothing to teach"):
        _made(silent, toy_frames.rows(), tmp_path / "silent", teacher=teacher)
    own = replace(_STUDENT, settings=(*_SETTINGS, ("logits", False), ("on_policy", 0.5)))
    open_rows = [replace(one, target=None) for one in toy_frames.samples(4, seed=9)]
    rows = replace(toy_frames.rows(), unlabelled=open_rows)
    with pytest.raises(SpecError, match="has on_policy, but its teacher 'teacher' has no logits"):
        _made(own, rows, tmp_path / "own", teacher=teacher)
