"""Distillation on what the student writes itself."""

import math
from pathlib import Path

import pytest

from suffice.adapt.decoder import examples, loop, on_policy
from suffice.adapt.decoder.scratch import tiny
from suffice.adapt.decoder.scratch.tiny_net import TinyNet
from suffice.candidate import Candidate
from tests.unit.adapt.decoder import toy_frames

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.train

_LESSON = tiny.tiny_lesson(
    Candidate(name="t", kind="gguf", method="tiny", settings=(("depth", 2),)), toy_frames.rows()
)


def _net(seed: int = 0) -> TinyNet:
    return TinyNet(_LESSON.shape, _LESSON.tokenizer, seed=seed)


def _read(rows: int = 12) -> examples.Batch:
    return examples.batch(torch, _LESSON.dev[:rows], pad_id=0, document_weight=0.0, device="cpu")


class _Script:
    """A net that is sure of one next token: after token t comes t + 1, and it ends with `end_id`."""

    pad_id, end_id, device = 0, 9, "cpu"

    def __init__(self) -> None:
        self.trained: dict[str, object] = {}

    def logits(self, _: object, ids, wanted):
        """Returns logits that leave no doubt."""
        before = ids[:, :-1][wanted[:, 1:]]
        return torch.nn.functional.one_hot((before + 1).clamp(max=9), 10) * 1e4


def test_answers_are_the_nets_own_and_documents_stay():
    """Each row keeps its document; from there on stands what the net says, up to its end."""
    ids = torch.tensor([[5, 6, 3, 3, 3, 0], [2, 2, 2, 7, 3, 3]])
    weights = torch.tensor([[0, 0, 1, 1, 1, 0], [0, 0, 0, 0, 1, 1.0]])
    own = on_policy.drawn(torch, _Script(), examples.Batch(ids=ids, weights=weights))
    assert [[5, 6, 7, 8, 9, 0], [2, 2, 2, 7, 8, 9]] == own.ids.tolist()
    assert [[0, 0, 1, 1, 1, 0], [0, 0, 0, 0, 1, 1]] == own.weights.tolist()


def test_draws_repeat_with_the_seed():
    """The same seed draws the same answers, another one others: a run that goes on draws alike."""
    net, read = _net(), _read()
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(on_policy.drawn(torch, net, read).ids)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_the_divergence_is_that_of_jensen_and_shannon():
    """By hand for two tokens; 0 for equals, and at most ln 2 however sure both are of different ones."""
    even = torch.tensor([[0.0, 0.0]])
    assert 0.0 == pytest.approx(float(on_policy.divergence(torch, even, even)), abs=1e-7)
    other = torch.tensor([[0.9, 0.1]])
    middle = 0.5 * (0.5 + other)
    by_hand = 0.5 * ((0.5 * (0.5 / middle).log()).sum() + (other * (other / middle).log()).sum())
    assert float(by_hand) == pytest.approx(float(on_policy.divergence(torch, even, other.log())))
    sure, of_another = torch.tensor([[99.0, 0.0]]), torch.tensor([[0.0, 99.0]])
    assert math.log(2.0) == pytest.approx(float(on_policy.divergence(torch, sure, of_another)))


@pytest.mark.slow
def test_a_student_comes_to_write_what_its_teacher_would(tmp_path: Path):
    """After learning on given answers and then on its own draws, the two differ less on what it writes."""
    master = _net(seed=5)
    truth = {name: value.detach() for name, value in master.trained.items()}
    recipe = loop.Recipe(
        batch_tokens=400, learning_rate=5e-3, averaging=0.8, epochs=4, on_policy=1.0, truth_share=0.0
    )
    job = loop.Job(
        examples=lambda _: _LESSON.train,
        dev=_LESSON.dev,
        recipe=recipe,
        seed=0,
        teacher=lambda ids, wanted: master.logits(truth, ids, wanted),
    )

    def strangeness(net: TinyNet) -> float:
        """Returns the mean divergence from the teacher over answers that the net draws."""
        torch.manual_seed(3)
        own = on_policy.drawn(torch, net, _read(24))
        wanted = own.weights > 0
        with torch.inference_mode():
            said, wished = (one.logits(one.trained, own.ids, wanted).float() for one in (net, master))
            return float(on_policy.divergence(torch, said, wished).mean())

    student = _net()
    before = strangeness(student)
    tuned = loop.train(student, job, folder=tmp_path, progress=lambda *_: None)
    with torch.no_grad():
        for name, value in tuned.parameters.items():
            student.trained[name].copy_(value)
    assert strangeness(student) < 0.75 * before
