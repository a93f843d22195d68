"""The training loop of decoders."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from suffice.adapt.decoder import examples, loop
from suffice.adapt.decoder.examples import Example
from suffice.adapt.decoder.loop import Job, Recipe
from suffice.adapt.decoder.scratch import tiny
from suffice.adapt.decoder.scratch.tiny_net import TinyNet
from suffice.candidate import Candidate
from suffice.errors import ArtefactError, DataError
from tests.unit.adapt.decoder import toy_frames

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.train

_LESSON = tiny.tiny_lesson(
    Candidate(name="t", kind="gguf", method="tiny", settings=(("depth", 2),)), toy_frames.rows()
)


@pytest.fixture(autouse=True)
def one_thread():
    """One thread: these sums are small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _net(seed: int = 0) -> TinyNet:
    return TinyNet(_LESSON.shape, _LESSON.tokenizer, seed=seed)


def _job(*, teacher: loop.Teacher | None = None, dev: Sequence[Example] = (), **recipe: float) -> Job:
    values = {"batch_tokens": 400, "learning_rate": 5e-3, "averaging": 0.8} | recipe
    return Job(
        examples=lambda _: _LESSON.train,
        dev=dev or _LESSON.dev,
        recipe=Recipe(**values),
        seed=0,
        teacher=teacher,
    )


def _silent(what: str, done: float, total: float) -> None:
    assert what
    assert 0 <= done <= total


def test_batches_hold_every_row_once_within_their_tokens():
    """No row is lost; filling counts."""
    rows = _LESSON.train
    made = list(examples.batches(rows, 200, rng=np.random.default_rng(0)))
    assert list(range(len(rows))) == sorted(int(row) for batch in made for row in batch)
    assert all(len(batch) * max(len(rows[row].ids) for row in batch) <= 200 for batch in made)


def test_only_answers_weigh_unless_documents_are_given_a_weight():
    """The first token and the filling never weigh."""
    chosen = _LESSON.train[:3]
    made = examples.batch(torch, chosen, pad_id=0, document_weight=0.25, device="cpu")
    for row, one in zip(made.weights, chosen, strict=True):
        wanted = np.where(one.is_answer, 1.0, 0.25)
        wanted[0] = 0.0
        assert wanted.tolist() == row[: len(one.ids)].tolist()
        assert 0.0 == float(row[len(one.ids) :].sum())


@pytest.mark.slow
def test_training_learns_to_copy(tmp_path: Path):
    """Most frames are right after some seconds, and the loss is told on the way."""
    heard: list[str] = []
    job = _job(epochs=8, patience=8)
    tuned = loop.train(_net(), job, folder=tmp_path, progress=lambda what, *_: heard.append(what))
    assert tuned.dev.exact >= 0.8
    assert any("loss" in what for what in heard)


def test_training_goes_on_after_a_kill(tmp_path: Path):
    """A run stopped after its first epoch and started again gives the weights of one never stopped."""
    job = _job(epochs=3)
    whole = loop.train(_net(), job, folder=tmp_path / "whole", progress=_silent)

    def stop(what: str, done: float, total: float) -> None:  # noqa: ARG001 - the port's form
        if done == 1 and "dev exact" in what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.train(_net(), job, folder=tmp_path / "parts", progress=stop)
    parts = loop.train(_net(), job, folder=tmp_path / "parts", progress=_silent)
    assert whole.parameters.keys() == parts.parameters.keys()
    assert all(torch.equal(whole.parameters[name], parts.parameters[name]) for name in whole.parameters)
    assert whole.dev == parts.dev


def test_a_damaged_state_is_an_artefact_error(tmp_path: Path):
    """A state file that is cut is named, with what to remove."""
    (tmp_path / "state.safetensors").write_bytes(b"rubbish")
    with pytest.raises(ArtefactError, match="training state is damaged"):
        loop.train(_net(), _job(epochs=1), folder=tmp_path, progress=_silent)


def test_a_diverging_loss_is_an_error(tmp_path: Path):
    """A loss that is not a number stops the training and names the setting to change."""
    net = _net()
    net.trained["norm.weight"] = (net.trained["norm.weight"].detach() * float("nan")).requires_grad_()
    with pytest.raises(DataError, match="failed in epoch 1: the loss is nan") as caught:
        loop.train(net, _job(epochs=1), folder=tmp_path, progress=_silent)
    assert "learning_rate" in str(caught.value.hint)


def test_training_stops_when_dev_does_not_improve(tmp_path: Path):
    """With a rate of nothing no epoch is better than the last one, unless equal: patience ends it."""
    truth = np.random.default_rng(0)
    noise = [
        Example(ids=truth.integers(0, 200, len(one.ids)).astype(np.int32), is_answer=one.is_answer)
        for one in _LESSON.dev
    ]
    tuned = loop.train(_net(), _job(epochs=20, patience=2, dev=noise), folder=tmp_path, progress=_silent)
    assert tuned.epochs < 20


def test_a_teacher_that_knows_better_is_listened_to(tmp_path: Path):
    """With no share left to the truth, the student comes to say what its teacher says."""
    master = _net(seed=5)
    truth = {name: value.detach() for name, value in master.trained.items()}
    job = _job(teacher=lambda ids, wanted: master.logits(truth, ids, wanted), epochs=3, truth_share=0.0)
    before = loop.measured(_net(), _net().trained, _LESSON.dev, batch_tokens=2000)
    read = examples.batch(torch, _LESSON.dev, pad_id=0, document_weight=0.0, device="cpu")
    wanted = read.weights > 0
    student = _net()
    tuned = loop.train(student, job, folder=tmp_path, progress=_silent)
    with torch.inference_mode():
        said = master.logits(truth, read.ids, wanted).float().log_softmax(1)
        start = _net().logits(_net().trained, read.ids, wanted).float().log_softmax(1)
        learnt = student.logits(tuned.parameters, read.ids, wanted).float().log_softmax(1)

    def divergence(other: object) -> float:
        return float(torch.nn.functional.kl_div(other, said, log_target=True, reduction="batchmean"))

    assert divergence(learnt) < 0.5 * divergence(start)
    assert before.loss > 0
