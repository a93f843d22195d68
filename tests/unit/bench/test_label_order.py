"""What is told of answers under several orders of the labels follows from the probabilities alone."""

import json

import numpy as np
import pytest

pytest.importorskip("torch")

from bench import label_order
from bench.label_order import ORDERS, Asked
from suffice import fingerprint
from suffice.adapt.decoder.scratch import tiny
from suffice.candidate import Candidate
from suffice.ports import TrainingRows
from suffice.task import Kind, Sample

pytestmark = pytest.mark.train

_N, _K = 60, 5


def _orders() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.array([np.arange(_K), *(rng.permutation(_K) for _ in range(ORDERS))])


def _asked(answers: np.ndarray) -> Asked:
    """Returns decoders that are sure of (1 + ORDERS, n) answers; the truth is label 2."""
    probabilities = np.full((*answers.shape, _K), 0.02)
    np.put_along_axis(probabilities, answers[..., None], 1 - 0.02 * (_K - 1), axis=2)
    truth = np.full(answers.shape[1], 2)
    return Asked(probabilities=probabilities, orders=_orders(), truth=truth, temperature=2.0)


def _told(found: Asked) -> dict[str, str]:
    return {name.split(" (")[0]: value for name, value in label_order.facts(found).items()}


def test_a_decoder_that_ignores_the_order_does_not_move():
    """Nothing changes, and averaging changes nothing."""
    told = _told(_asked(np.full((1 + ORDERS, _N), 2)))
    assert "1.000 [1.000, 1.000]" == told["right, a shuffled order"]
    assert told[f"answer differs under any of {ORDERS}"].startswith("0.000 [0.000, ")
    assert "0.000 [0.000, 0.000]" == told["answer differs from the own order's under one shuffled order"]
    assert "0.000 [0.000, 0.000]" == told["the same, calibrated on dev"]


def test_a_decoder_that_says_the_first_label_is_found_out():
    """Every shuffled order's first label is its answer, and never its last."""
    answers = np.repeat(_orders()[:, :1], _N, axis=1)
    told = _told(_asked(answers))
    assert "1.000 [1.000, 1.000]" == told["label listed first is answered"]
    assert "0.000 [0.000, 0.000]" == told["label listed last is answered"]


def test_averaging_outvotes_one_odd_order():
    """Seven orders right and one wrong: the average is right, one order in eight differs."""
    answers = np.full((1 + ORDERS, _N), 2)
    answers[3] = 4
    told = _told(_asked(answers))
    assert (
        f"{1 / ORDERS:.3f} [{1 / ORDERS:.3f}, {1 / ORDERS:.3f}]"
        == (told["answer differs from the own order's under one shuffled order"])
    )
    assert "1.000" == told[f"averaged over {ORDERS} orders: right"][:5]
    assert "0.000" == told[f"averaged over {ORDERS // 2} orders: answer differs from that over 4 others"][:5]


def test_calibration_is_undone_by_its_temperature():
    """Softmax of logits over T, to the power T, is the softmax of the logits."""
    logits = np.random.default_rng(1).normal(size=(3, 4))

    def softmax(values: np.ndarray) -> np.ndarray:
        odds = np.exp(values)
        return odds / odds.sum(axis=1, keepdims=True)

    np.testing.assert_allclose(softmax(logits), label_order.warmer(softmax(logits / 2.5), 2.5))


def test_rows_under_shuffled_lists_keep_document_and_answer():
    """Each row lists all labels in some order; the same epoch gives the same rows, another one others."""
    labels = ("pay", "ask", "end")
    train = [
        Sample(key=fingerprint.of_text(text), text=text, target=labels[number % 3])
        for number, text in enumerate(f"please number {n} now" for n in range(60))
    ]
    rows = TrainingRows(labels=labels, train=train, dev=train[:30], kind=Kind.CLASSIFY)
    candidate = Candidate(name="a", kind="gguf", method="tiny", settings=(("depth", 2),))
    lesson = tiny.tiny_lesson(candidate, rows)
    varied = label_order.shuffled(lesson, seed=1)
    first, again, second = ([one.ids.tolist() for one in varied(epoch)] for epoch in (0, 0, 1))
    assert first == again
    assert first != second
    texts = [lesson.tokenizer.tokenizer.decode(ids, skip_special_tokens=False) for ids in first]
    for text, sample in zip(texts, train, strict=True):
        listed = [line.removeprefix("- ") for line in text.split("\n") if line.startswith("- ")]
        assert sorted(labels) == sorted(listed)
        assert text.split("=>\n")[1].startswith(str(sample.target))
    assert len({json.dumps(text.split("\n")[1:4]) for text in texts}) > 3
