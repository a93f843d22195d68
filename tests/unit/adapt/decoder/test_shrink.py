"""Quantising is a method like any other: candidate in, candidate out."""

from pathlib import Path

import pytest

from suffice.adapt import registry as methods
from suffice.adapt.decoder.gguf_files import export
from suffice.adapt.decoder.gguf_files.shrink import QuantiseMethod
from suffice.candidate import Candidate
from suffice.errors import ArtefactError, SpecError
from suffice.models import artefact
from suffice.models.gguf.settings import Calibration, DecoderSettings
from suffice.ports import TrainingRows
from suffice.task import Kind
from tests.unit import tiny_decoder

_ROWS = TrainingRows(labels=("yes", "no"), train=[], dev=[])


def _candidate(**settings: str) -> Candidate:
    return Candidate(
        name="small",
        kind="gguf",
        method="quantise",
        teacher="large",
        settings=tuple(sorted(settings.items())),
    )


def _apply(teacher: Path | None, out: Path, **settings: str) -> artefact.Artefact:
    out.mkdir()
    heard: list[tuple[str, float, float]] = []
    QuantiseMethod().apply(
        _candidate(**settings),
        _ROWS,
        out=out,
        teacher=teacher,
        seed=0,
        progress=lambda *said: heard.append(said),
    )
    assert heard[-1][1] == heard[-1][2]
    return artefact.unseal(out)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory) -> Path:
    """A tiny decoder that classifies, sealed in f16 with a calibration."""
    folder = tiny_decoder.write(tmp_path_factory.mktemp("decoder"))
    out = tmp_path_factory.mktemp("teacher")
    export.write_gguf(folder, out / "model.gguf", outtype="f16")
    settings = DecoderSettings(
        name="large", kind=Kind.CLASSIFY, labels=("yes", "no"), calibration=Calibration(temperature=2.0)
    )
    artefact.seal(out, kind="gguf", settings=settings.to_json() | {"order_bias": {"flipped": 3}})
    return out


@pytest.mark.train
@pytest.mark.slow
def test_the_new_candidate_is_the_old_one_in_fewer_bits(teacher: Path, tmp_path: Path):
    """Task, prompt and limits stay; name, weights and measurements are its own; bytes follow the type."""
    old, new = artefact.unseal(teacher), _apply(teacher, tmp_path / "out", type="q4_k_m")
    assert ("small", None, "Q4_K_M", []) == (
        new.settings["name"],
        new.settings["calibration"],
        new.settings["weights"]["type"],
        new.settings["weights"]["fallbacks"],
    )
    assert {key: old.settings[key] for key in ("task", "prompt", "limits")} == {
        key: new.settings[key] for key in ("task", "prompt", "limits")
    }
    assert new.file("model.gguf").stat().st_size < 0.4 * old.file("model.gguf").stat().st_size
    assert DecoderSettings.from_json(new.settings).calibration == Calibration()
    assert new.settings["order_bias"] is None


@pytest.mark.train
@pytest.mark.slow
def test_a_quantised_teacher_is_refused(teacher: Path, tmp_path: Path):
    """Rounding what is rounded already is not offered: the error says to start from the whole weights."""
    _apply(teacher, tmp_path / "once")
    with pytest.raises(ArtefactError, match="quantised already"):
        _apply(tmp_path / "once", tmp_path / "twice", type="q4_0")


def test_settings_that_cannot_be_used_are_named(tmp_path: Path):
    """An unknown type, no teacher, a teacher of another kind."""
    with pytest.raises(SpecError, match="'q3_k' is unknown; known are q8_0"):
        _apply(None, tmp_path / "a", type="q3_k")
    with pytest.raises(SpecError, match="needs a 'teacher'"):
        _apply(None, tmp_path / "b")
    (tmp_path / "linear").mkdir()
    artefact.seal(tmp_path / "linear", kind="linear", settings={})
    with pytest.raises(SpecError, match="its teacher is of kind 'linear'"):
        _apply(tmp_path / "linear", tmp_path / "c")


def test_the_method_is_in_the_registry():
    """It makes decoders, and needs another candidate to make them of."""
    entry = methods.entry("quantise")
    assert ("gguf", "train", True) == (entry.kind, entry.extra, entry.needs_teacher)
    assert isinstance(methods.method("quantise"), QuantiseMethod)
