"""Every implementation of every port, by name. A new one is one line here, and gets its whole battery."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from suffice.adapt import registry as methods
from suffice.adapt.encoder.embedding_head import HeadMethod, copy_body
from suffice.adapt.linear.distil import DistilMethod
from suffice.adapt.linear.fit import LinearMethod
from suffice.adapt.tagger.method import EncoderTaggerMethod, TaggerMethod
from suffice.candidate import Candidate
from suffice.cascade import REFERENCE, Cascade, Tier
from suffice.forms import normalised_form, object_form
from suffice.measure.energy import EnergyMeter
from suffice.measure.latency import LatencyMeter, ThroughputMeter
from suffice.measure.memory import MemoryMeter
from suffice.measure.size import SizeMeter
from suffice.models import agreement, alarm, artefact, cascade, registry
from suffice.models.cascade import CascadeModel
from suffice.models.fake import FakeModel, FakeSettings
from suffice.models.gain import gate
from suffice.models.gain.score import GainModel
from suffice.models.gguf import nearest
from suffice.models.gguf.nearest import KeptRows
from suffice.models.gguf.settings import DecoderSettings
from suffice.models.recorded import RecordedModel
from suffice.ports import Meter, Method, Model, Scorer, TrainingRows
from suffice.score.classify import LabelScorer
from suffice.score.fields import FieldF1Scorer
from suffice.score.match import FormScorer
from suffice.score.numeric import NumberScorer
from suffice.score.unit_tests import UnitTestScorer
from suffice.task import Kind
from tests.contract import tiny
from tests.unit import tiny_encoder

Place = Path
TAGGER = Candidate(name="tagger", kind="tagger", method="tagger")
ENCODER_TAGGER = Candidate(
    name="reader", kind="tagger", method="encoder-tagger", settings=(("layers", 1), ("threads", 1))
)
MakeModel = Callable[[], Model]


def _fake(_: Place) -> MakeModel:
    return lambda: FakeModel(FakeSettings(labels=tiny.LABELS))


def _recorded(_: Place) -> MakeModel:
    samples = tiny.rows(6, seed=4)[:4]  # two of the six texts are not recorded
    return lambda: RecordedModel("gpt", {sample.key: sample.target for sample in samples})


def linear_folder(place: Place) -> Path:
    """Returns the folder of a linear model of the tiny task."""
    return _made(LinearMethod(), Candidate(name="linear", kind="linear", method="linear"), place / "linear")


def encoder_folder(place: Place) -> Path:
    """Returns the folder of an encoder model of the tiny task."""
    method = HeadMethod(tiny.embedder(place / "encoder"))
    return _made(method, Candidate(name="encoder", kind="encoder", method="head"), place / "encoder/made")


def _tagger(place: Place) -> MakeModel:
    folder = _made(TaggerMethod(), TAGGER, place / "tagger", rows=tiny.EXTRACTION)
    return lambda: registry.load(folder)


def _encoder_tagger(place: Place) -> MakeModel:
    method = EncoderTaggerMethod(tiny_encoder.write_source(place / "source"))
    folder = _made(method, ENCODER_TAGGER, place / "tagger", rows=tiny.EXTRACTION)
    return lambda: registry.load(folder)


def _agreement(place: Place) -> MakeModel:
    """Two linear models that agree with one another."""
    out = place / "agreement"
    folder = linear_folder(place)
    out.mkdir()
    agreement.seal([folder, folder], out=out, name="both", form={"metric": "accuracy"}, shares=(0.5, 0.9))
    return lambda: registry.load(out)


def _made(method: Method, candidate: Candidate, out: Path, *, rows: TrainingRows = tiny.TRAINING) -> Path:
    out.mkdir(parents=True)
    method.apply(candidate, rows, out=out, teacher=None, seed=1, progress=lambda *_: None)
    return out


def _linear(place: Place) -> MakeModel:
    folder = linear_folder(place)
    return lambda: registry.load(folder)


def _encoder(place: Place) -> MakeModel:
    folder = encoder_folder(place)
    return lambda: registry.load(folder)


def _alarm(place: Place) -> MakeModel:
    """A linear model that names one label wherever its probability reaches a fifth."""
    out = place / "alarm"
    out.mkdir()
    alarm.seal(linear_folder(place), out=out, name="alarm", positive="card", threshold=0.2)
    return lambda: registry.load(out)


def _gated(place: Place) -> MakeModel:
    """A linear model behind a gate that has nothing to learn from but its confidence."""
    out = place / "gated"
    out.mkdir()
    gain = GainModel(order="confidence", parts=("confidence", "novelty"), rows=0, why="for the test")
    gate.seal(linear_folder(place), gain, out=out, name="gated", encoder=None)
    return lambda: registry.load(out)


def _cascade(place: Place) -> MakeModel:
    """A linear model, then an encoder, then a reference that is not here."""
    tiers = (Tier(model="linear", threshold=0.9), Tier(model="encoder", threshold=0.6), Tier(model=REFERENCE))
    out = place / "cascade"
    out.mkdir()
    folders = {"linear": linear_folder(place), "encoder": encoder_folder(place)}
    cascade.seal(Cascade(name="three", tiers=tiers), folders, out=out)
    return lambda: registry.load(out)


def _nested(place: Place) -> MakeModel:
    """A cascade whose first tier is a cascade, and whose last is a fake."""
    inner = Cascade(name="inner", tiers=(Tier(model="linear", threshold=0.9), Tier(model=REFERENCE)))
    outer = Cascade(name="outer", tiers=(Tier(model="inner", threshold=0.9), Tier(model="fake")))
    linear, fake = _linear(place), _fake(place)
    return lambda: CascadeModel(outer, {"inner": CascadeModel(inner, {"linear": linear()}), "fake": fake()})


def _gguf(place: Place) -> MakeModel:
    """A decoder that classifies; its chance weights know nothing, and that always alike."""
    return _decoder(place, DecoderSettings(name="decoder", kind=Kind.CLASSIFY, labels=tiny.LABELS))


def _writing_gguf(place: Place) -> MakeModel:
    """A decoder that writes JSON of a schema."""
    schema = {"type": "object", "properties": {"label": {"enum": list(tiny.LABELS)}}, "required": ["label"]}
    schema["additionalProperties"] = False
    return _decoder(place, DecoderSettings(name="decoder", kind=Kind.EXTRACT, schema=schema))


def _nearest_gguf(place: Place) -> MakeModel:
    """A decoder that classifies after the two train rows nearest to each text; half of them fit no longer."""
    rows = tiny.rows(12, seed=5)
    body = tiny.embedder(place / "body")
    folder = place / "decoder"
    make = _decoder(
        place,
        DecoderSettings(
            name="shown",
            kind=Kind.CLASSIFY,
            labels=tiny.LABELS,
            max_answer_tokens=8,
            context_tokens=96,
            nearest=2,
        ),
    )
    copy_body(body.folder, folder)
    vectors = body.embed([row.text for row in rows]).vectors
    nearest.save(KeptRows(shots=tuple((row.text, str(row.target)) for row in rows), vectors=vectors), folder)
    opened = json.loads((folder / artefact.MANIFEST).read_text())
    artefact.seal(folder, kind="gguf", settings=opened["settings"])
    return make


def _decoder(place: Place, settings: DecoderSettings) -> MakeModel:
    from tests.unit.models.gguf import tiny_gguf  # noqa: PLC0415 - skips where the extra train is absent

    folder = place / "decoder"
    folder.mkdir(parents=True)
    tiny_gguf.write_byte_bpe(folder / "model.gguf")
    artefact.seal(folder, kind="gguf", settings=settings.to_json())
    return lambda: registry.load(folder)


def _transformers(place: Place) -> MakeModel:
    """A decoder in 8-bit integers, quantised as it runs, that classifies."""
    pytest.importorskip("torch")
    from suffice.adapt.decoder.dynamic_int8 import Int8Method  # noqa: PLC0415 - needs the extra train
    from suffice.adapt.decoder.gguf_files import export  # noqa: PLC0415 - as above
    from tests.unit import tiny_decoder  # noqa: PLC0415 - as above

    large, small = place / "large", place / "small"
    large.mkdir(parents=True)
    export.write_gguf(tiny_decoder.write(place / "weights"), large / "model.gguf", outtype="f32")
    settings = DecoderSettings(name="large", kind=Kind.CLASSIFY, labels=tiny.LABELS)
    artefact.seal(large, kind="gguf", settings=settings.to_json())
    small.mkdir()
    candidate = Candidate(name="small", kind="transformers", method="int8", teacher="large")
    Int8Method().apply(candidate, tiny.TRAINING, out=small, teacher=large, seed=1, progress=lambda *_: None)
    return lambda: registry.load(small)


# name -> (how to make it, whether its answers are made up, whether it is a Classifier)
MODELS: dict[str, tuple[Callable[[Place], MakeModel], bool, bool]] = {
    "agreement": (_agreement, False, False),
    "alarm": (_alarm, False, False),
    "gated": (_gated, False, False),
    "cascade": (_cascade, False, False),
    "encoder": (_encoder, False, True),
    "encoder tagger": (_encoder_tagger, False, False),
    "fake": (_fake, True, False),
    "gguf": (_gguf, False, True),
    "linear": (_linear, False, True),
    "nearest gguf": (_nearest_gguf, False, True),
    "nested cascade": (_nested, True, False),
    "recorded": (_recorded, False, False),
    "transformers": (_transformers, False, True),
    "tagger": (_tagger, False, False),
    "writing gguf": (_writing_gguf, False, False),
}

SCORERS: dict[str, tuple[Callable[[], Scorer], list[tuple[object, str]]]] = {
    "labels": (LabelScorer, [("bill", "bill"), ("bill", " Bill "), (3, "3")]),
    "fields": (FieldF1Scorer, [({"a": 1}, '{"a": 1.0}'), ({}, "{}")]),
    "numbers": (NumberScorer, [("10", "it is 10"), ("1,000", "$1000.0")]),
    "objects": (lambda: FormScorer(object_form), [({"a": 1}, '{"a": 1.0}'), ({}, "{}")]),
    "texts": (lambda: FormScorer(normalised_form), [("The end", "end."), (3, "3")]),
    "unit tests": (UnitTestScorer, [("assert x == 1", "x = 1")]),
}


def _head(place: Place) -> Callable[[], Method]:
    body = tiny.embedder(place / "tiny body")
    return lambda: HeadMethod(body)


def _states(place: Place) -> Callable[[], Method]:
    source = tiny_encoder.write_source(place / "source")
    return lambda: EncoderTaggerMethod(source)


def _of_registry(name: str) -> Callable[[Place], Callable[[], Method]]:
    """Returns how a method is made that needs the extras train and gguf; skips where they are absent."""

    def make(_: Place) -> Callable[[], Method]:
        for module in ("torch", "conversion", "peft", "xllamacpp"):
            pytest.importorskip(module)
        return lambda: methods.method(name)

    return make


_TINY = Candidate(
    name="tiny",
    kind="gguf",
    method="tiny",
    settings=(("depth", 2), ("epochs", 2), ("threads", 1)),
)


_BRIEFLY = (("epochs", 1), ("threads", 1), ("type", "f16"))


def _tiny_folder(place: Place) -> Path:
    return _made(methods.method("tiny"), _TINY, place / "tiny")


class _With:
    """A method whose candidate names a file or folder that the test has just made."""

    def __init__(self, method: Method, setting: str, path: Path) -> None:
        self._method = method
        self._given = ((setting, str(path)),)

    def apply(self, candidate: Candidate, rows: TrainingRows, **others: Any) -> None:
        """Applies the method to the candidate with its path."""
        named = replace(candidate, settings=(*self._given, *candidate.settings))
        self._method.apply(named, rows, **others)


def _tuned(name: str) -> Callable[[Place], Callable[[], Method]]:
    """Returns how a method is made that tunes a base of chance weights; skips where its extras are absent."""

    def make(place: Place) -> Callable[[], Method]:
        from tests.unit import tiny_decoder  # noqa: PLC0415 - skips where the extra train is absent

        method = _of_registry(name)(place)
        base = tiny_decoder.write(place / "base", width=64, layers=1)
        return lambda: _With(method(), "base", base)

    return make


def _prompted(place: Place) -> Callable[[], Method]:
    from tests.unit.models.gguf import tiny_gguf  # noqa: PLC0415 - skips where the extra train is absent

    file = tiny_gguf.write_byte_bpe(place / "whole.gguf")
    return lambda: _With(methods.method("prompt"), "file", file)


# name -> (how to make it, its candidate, the folder of its teacher)
METHODS: dict[
    str, tuple[Callable[[Place], Callable[[], Method]], Candidate, Callable[[Place], Path] | None]
] = {
    "distil": (
        lambda _: DistilMethod,
        Candidate(name="pupil", kind="linear", method="distil", teacher="linear"),
        linear_folder,
    ),
    "distil-decoder": (
        _of_registry("distil-decoder"),
        replace(_TINY, name="taught", method="distil-decoder", teacher="tiny"),
        _tiny_folder,
    ),
    "full": (_tuned("full"), replace(_TINY, name="full", method="full", settings=_BRIEFLY), None),
    "lora": (_tuned("lora"), replace(_TINY, name="lora", method="lora", settings=_BRIEFLY), None),
    "prompt": (_prompted, Candidate(name="asked", kind="gguf", method="prompt"), None),
    "tiny": (_of_registry("tiny"), _TINY, None),
    "head": (_head, Candidate(name="second rung", kind="encoder", method="head"), None),
    "encoder-tagger": (_states, ENCODER_TAGGER, None),
    "tagger": (lambda _: TaggerMethod, TAGGER, None),
    "linear": (lambda _: LinearMethod, Candidate(name="first rung", kind="linear", method="linear"), None),
}

METERS: dict[str, Callable[[Place], Callable[[], Meter]]] = {
    "energy": lambda _: lambda: EnergyMeter(counters=()),
    "latency": lambda _: lambda: LatencyMeter(budget_s=0.05),
    "memory": lambda place: (folder := linear_folder(place)) and (lambda: MemoryMeter(folders=[folder])),
    "size": lambda place: (folder := linear_folder(place)) and (lambda: SizeMeter(folders=[folder])),
    "throughput": lambda _: lambda: ThroughputMeter(budget_s=0.05),
}
