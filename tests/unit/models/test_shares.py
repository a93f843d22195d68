"""Probabilities with an answer: where they are asked for, the model's own, through wrappers and processes."""

import asyncio

import pytest

from suffice.bundle import labels_of
from suffice.models import registry
from suffice.models.alarm import seal
from suffice.ports import Answer, Request
from suffice.serve.tiers.bundles import frames
from tests.unit.adapt import toy_desk
from tests.unit.serve.tiers import tiny_run

TEXT = "my visa card and the loan"


def alarm(folder):
    """Returns the folder of an alarm over a linear rung."""
    inner = tiny_run.linear(folder.with_name("inner"))
    folder.mkdir()
    seal(inner, out=folder, name="alarm", positive="loan", threshold=0.0)
    return folder


def answers(model, texts, *, wanted):
    """Returns the model's answers."""
    return asyncio.run(model.answer([Request(text=text, wants_probabilities=wanted) for text in texts]))


@pytest.mark.parametrize(
    "make", [tiny_run.linear, tiny_run.encoder, alarm], ids=["linear", "encoder", "alarm"]
)
def test_probabilities_are_shown_where_they_are_asked_for(make, tmp_path):
    """They are the classifier's, to the bit; the answer is otherwise the same, and without them by itself."""
    model = registry.load(make(tmp_path / "rung"))
    classifier = getattr(model, "inner", model)
    shares = classifier.classify([TEXT]).probabilities[0].tolist()
    (shown,) = answers(model, [TEXT], wanted=True)
    (plain,) = answers(model, [TEXT], wanted=False)
    assert tuple(zip(toy_desk.LABELS, shares, strict=True)) == shown.probabilities
    assert () == plain.probabilities
    assert (plain.text, plain.confidence) == (shown.text, shown.confidence)
    assert dict(shown.probabilities)[shown.text] == shown.confidence


def test_a_cascade_shows_those_of_the_rung_that_answered(tmp_path):
    """And none where it passes the request up; its labels stand in the bundle."""
    run = tiny_run.bundle(tmp_path / "run", {"linear": tiny_run.linear(tmp_path / "rung")})
    model = registry.load(run / "bundle" / "model")
    known, foreign = answers(model, ["visa card chip", "zzz"], wanted=True)
    assert toy_desk.LABELS == labels_of(run / "bundle") == tuple(label for label, _ in known.probabilities)
    assert (None, ()) == (foreign.text, foreign.probabilities)


def test_requests_and_answers_keep_them_between_processes():
    """Bit for bit, in both directions."""
    request = Request(text="x", wants_probabilities=True)
    answer = Answer(text="a", probabilities=(("a", 0.1 + 0.2), ("b", 1 / 3)))
    sent = frames.unpacked(frames.packed({"requests": [request], "answers": [answer]})[frames.HEADER.size :])
    assert [request] == frames.requests_of(sent["requests"])
    assert [answer] == frames.answers_of(sent["answers"])
