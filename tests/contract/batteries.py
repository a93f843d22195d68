"""What every implementation of a port must do. Each battery takes a way to make one, and asserts."""

import asyncio
import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np

from suffice import fingerprint
from suffice.candidate import Candidate
from suffice.models import artefact, registry
from suffice.ports import (
    Answer,
    Classifier,
    LookAccount,
    Meter,
    Method,
    Model,
    Request,
    Scorer,
    Store,
    TrainingRows,
    Usage,
)
from suffice.task import Kind

# Texts as people and machines send them: none of them may break a model.
ODD_TEXTS = (
    "",
    " ",
    "a",
    "naïve café 日本語 🙂 \u202eright to left",
    "NUL \x00 in the middle",
    "a lone surrogate \ud800 here",
    "\ufeffa mark in front",
    "line\nbreaks\r\nand\ttabs\u2028and\u0085more",
    "x" * 200_000,
    "word " * 20_000,
    "{'json': [1, 2, 3]}",
)

_ROUNDING = 1e-5


def requests_of(texts: Sequence[str]) -> list[Request]:
    """Returns requests with the keys that samples of these texts would have."""
    return [Request(text=text, key=fingerprint.of_text(text)) for text in texts]


@contextmanager
def opened(make: Callable[[], Model]) -> Iterator[Callable[[Sequence[Request]], list[Answer]]]:
    """Gives a function that asks one model, and closes the model twice at the end."""
    model = make()
    with asyncio.Runner() as runner:

        def ask(requests: Sequence[Request]) -> list[Answer]:
            return runner.run(model.answer(requests))

        yield ask
        runner.run(model.close())
        runner.run(model.close())


def check_model(make: Callable[[], Model], texts: Sequence[str], *, simulated: bool) -> None:
    """A model answers each request once, in order, alike in any company, and owns up to being made up."""
    assert simulated is make().simulated
    assert make().name
    requests = requests_of([*texts, *ODD_TEXTS])
    with opened(make) as ask:
        assert [] == ask([])
        answers = ask(requests)
        assert len(requests) == len(answers)
        for answer in answers:
            check_answer(answer)
        backwards = ask(requests[::-1])[::-1]
        for request, answer, again in zip(requests, answers, backwards, strict=True):
            assert_alike(answer, again)
            assert_alike(answer, ask([request])[0])
        assert_alike(ask([requests[0]] * 3)[2], answers[0])
    with opened(make) as ask:  # another instance, another process in effect
        for answer, again in zip(answers, ask(requests), strict=True):
            assert_alike(answer, again)


def check_answer(answer: Answer) -> None:
    """An answer is text or says why it is none; its numbers lie where they must."""
    assert answer.tier
    assert answer.text is not None or answer.error is not None or answer.escalated or answer.notes
    assert not (answer.escalated and answer.text is not None)
    for share in (answer.confidence, answer.novelty):
        assert share is None or 0.0 <= share <= 1.0
    assert answer.latency_ms is None or (math.isfinite(answer.latency_ms) and answer.latency_ms >= 0)
    for tokens in (answer.usage.input_tokens, answer.usage.output_tokens):
        assert tokens is None or tokens >= 0


def assert_alike(first: Answer, second: Answer) -> None:
    """Two answers to one request agree in all but their timing.

    Their numbers may differ by what the order of additions in a larger matrix product changes.
    """
    for one, other in ((first.confidence, second.confidence), (first.novelty, second.novelty)):
        assert (one is None) is (other is None)
        assert one is None or math.isclose(one, other or 0.0, rel_tol=0, abs_tol=_ROUNDING)
    assert first.text == second.text
    assert (first.tier, first.escalated, first.error, first.notes) == (
        second.tier,
        second.escalated,
        second.error,
        second.notes,
    )


def check_classifier(make: Callable[[], Model], texts: Sequence[str]) -> None:
    """A classifier's probabilities are probabilities, and its answers are their largest."""
    model = make()
    assert isinstance(model, Classifier)
    every = [*texts, *ODD_TEXTS]
    said = model.classify(every)
    labels = model.labels
    assert len(set(labels)) == len(labels) > 1
    assert (len(every), len(labels)) == said.probabilities.shape
    assert np.isfinite(said.probabilities).all()
    assert (said.probabilities >= 0).all()
    assert np.allclose(said.probabilities.sum(axis=1), 1.0, atol=1e-6)
    assert (len(every),) == said.novelty.shape
    assert ((said.novelty >= 0) & (said.novelty <= 1)).all()
    assert len(said.notes) in {0, len(every)}
    assert (0, len(labels)) == model.classify([]).probabilities.shape
    for text in every:
        reasons = model.explain(text, top=3)
        assert len(reasons) <= 3
        strengths = [abs(reason.weight) for reason in reasons]
        assert sorted(strengths, reverse=True) == strengths
        assert all(math.isfinite(strength) for strength in strengths)
        assert all(reason.kind in {"ngram", "example"} for reason in reasons)
    with opened(lambda: model) as ask:
        for number, (answer, row) in enumerate(zip(ask(requests_of(every)), said.probabilities, strict=True)):
            if answer.error is not None:  # a text it cannot read: nothing is known, and it says why
                assert (answer.error,) == said.notes[number]
                assert np.allclose(row, 1.0 / len(labels))
                continue
            assert labels[int(row.argmax())] == answer.text
            assert answer.confidence is not None
            assert math.isclose(answer.confidence, row.max(), rel_tol=0, abs_tol=_ROUNDING)


def check_scorer(make: Callable[[], Scorer], right: Sequence[tuple[Any, str]]) -> None:
    """A scorer gives one score per pair, 1 for right ones, 0 for no answer, None where nothing is wanted."""

    def score(wanted: Sequence[Any], answers: Sequence[str | None]) -> list[float | None]:
        scores = asyncio.run(make().score(wanted, answers))
        assert all(one.value is not None or one.why for one in scores)
        return [one.value for one in scores]

    wanted, answers = [want for want, _ in right], [answer for _, answer in right]
    assert [] == score([], [])
    assert [1.0] * len(right) == score(wanted, answers)
    assert [0.0] * len(right) == score(wanted, [None] * len(right))
    assert [None] * len(right) == score([None] * len(right), answers)
    odd = score([wanted[0]] * len(ODD_TEXTS), list(ODD_TEXTS))
    assert all(value is not None and 0.0 <= value <= 1.0 for value in odd)


def check_method(
    make: Callable[[], Method], candidate: Candidate, rows: TrainingRows, *, place: Path, teacher: Path | None
) -> None:
    """A method makes a sealed folder of its candidate's kind; the same inputs give the same bytes."""
    heard: list[tuple[float, float]] = []
    folders = [place / "first", place / "second"]
    for folder in folders:
        folder.mkdir(parents=True)
        make().apply(
            candidate,
            rows,
            out=folder,
            teacher=teacher,
            seed=7,
            progress=lambda _, done, total: heard.append((done, total)),
        )
    assert candidate.kind == artefact.unseal(folders[0]).kind
    assert fingerprint.of_folder(folders[0]) == fingerprint.of_folder(folders[1])
    assert heard
    assert all(0 <= done <= total for done, total in heard)
    model = registry.load(folders[0])
    assert candidate.name == model.name
    answers = asyncio.run(model.answer(requests_of([sample.text for sample in rows.train])))
    if rows.kind is Kind.CLASSIFY:
        assert all(answer.text in rows.labels for answer in answers)
    else:
        assert rows.schema is not None
        for answer in answers:
            jsonschema.validate(json.loads(answer.text or ""), rows.schema)


def check_meter(make: Callable[[], Meter], model: Model, texts: Sequence[str]) -> None:
    """A meter's figures have a unit, a count and an interval around them, or a reason why there are none."""
    for requests in (requests_of(texts), []):
        measurements = asyncio.run(make().measure(model, requests))
        assert measurements
        assert len({m.quantity for m in measurements}) == len(measurements)
        for measured in measurements:
            assert measured.unit
            if measured.value is None:
                assert measured.unmeasured
                continue
            assert math.isfinite(measured.value)
            assert measured.value > 0
            assert measured.n >= 1
            if measured.interval is not None:
                assert measured.interval.lower <= measured.value <= measured.interval.upper
                assert 0.5 < measured.interval.level < 1


def check_store(make: Callable[[], Store]) -> None:
    """A store returns what was kept, to every later store on the same place, and nothing that was changed."""
    store = make()
    assert store.artefact("none") is None
    assert {} == dict(store.answers("none", ["1"]))
    folder = store.workplace("one")
    assert [] == list(folder.iterdir())
    (folder / "weights").write_bytes(b"123")
    place = store.keep_artefact("one", folder)
    given = {
        "1": Answer(text="yes", confidence=0.5, novelty=0.25, usage=Usage(input_tokens=3), notes=("cut",)),
        "2": Answer(text=None, error="none", latency_ms=2.5, tier="m", escalated=True),
        fingerprint.of_text("odd"): Answer(text="".join(ODD_TEXTS)),
    }
    store.keep_answers("m", given)
    store.keep_answers("m", {"1": Answer(text="another")})  # the first answer stays
    for seen in (store, make()):
        assert place == seen.artefact("one")
        assert given == dict(seen.answers("m", list(given)))
        assert {} == dict(seen.answers("another model", list(given)))
    (place / "weights").write_bytes(b"124")
    assert make().artefact("one") is None


def check_look_account(make: Callable[[], LookAccount]) -> None:
    """Looks at the same rows are counted, by every later account; resuming one spends nothing."""

    def halves(number: int) -> float:
        return 0.05 / 2**number

    first = make().open_look(["a", "b"], what="run 1", alpha_of=halves)
    assert (1, 0.025) == (first.number, first.alpha)
    assert first == make().open_look(["a", "b"], what="run 1", alpha_of=halves)
    assert 2 == make().open_look(["b", "c"], what="run 2", alpha_of=halves).number
    assert 1 == make().open_look(["d"], what="run 3", alpha_of=halves).number
