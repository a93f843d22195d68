"""Memory, load time and size of what is served."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from suffice.errors import ArtefactError
from suffice.measure.memory import MemoryMeter
from suffice.measure.serving_process import resident_bytes
from suffice.measure.size import SizeMeter
from suffice.measurement import Measurement
from suffice.models import artefact
from suffice.models.fake import FakeModel, FakeSettings
from suffice.ports import Request

FAKE = FakeModel(FakeSettings(labels=("a", "b")))
REQUESTS = [Request(text="x"), Request(text="a\x00b\ud800")]


def measure(meter: MemoryMeter | SizeMeter) -> dict[str, Measurement]:
    """Returns the measurements by quantity."""
    return {m.quantity: m for m in asyncio.run(meter.measure(FAKE, REQUESTS))}


def fake_artefacts(place: Path, count: int = 1) -> Sequence[Path]:
    """Returns folders of sealed fakes."""
    folders = [place / str(index) for index in range(count)]
    for folder in folders:
        folder.mkdir()
        FAKE.seal(folder)
    return folders


@pytest.mark.slow
def test_a_fresh_process_is_measured(tmp_path: Path) -> None:
    """The serving process takes more than a bare interpreter, which is given apart; one start is n = 1."""
    found = measure(MemoryMeter(folders=fake_artefacts(tmp_path)))
    memory, baseline, load = (found[q].value for q in ("memory_bytes", "memory_baseline_bytes", "load_ms"))
    assert memory is not None
    assert baseline is not None
    assert load is not None
    assert 5e6 < baseline < memory < 2e9
    assert load > 0
    assert {(1, None)} == {(m.n, m.interval) for m in found.values()}


def test_several_starts_give_an_interval() -> None:
    """Six starts: the median, with the range of the six around it; fewer: the largest alone."""
    meter = MemoryMeter(folders=())
    readings = [{"peak_bytes": 100.0 + start} for start in range(6)]
    six = meter._summary("memory_bytes", readings)
    assert six.interval is not None
    assert (102.0, 100.0, 105.0, 6) == (six.value, six.interval.lower, six.interval.upper, six.n)
    three = meter._summary("memory_bytes", readings[:3])
    assert (102.0, None, 3) == (three.value, three.interval, three.n)


def test_a_system_that_tells_nothing_is_a_reason() -> None:
    """Where a process cannot see its memory, it is not measured."""
    found = MemoryMeter(folders=())._summary("memory_bytes", [{"peak_bytes": None}])
    assert "this system does not tell a process's memory" == found.unmeasured


def test_a_damaged_artefact_is_the_reason(tmp_path: Path) -> None:
    """When the process cannot load the model, its last words are the reason."""
    [folder] = fake_artefacts(tmp_path)
    (folder / "extra").write_text("x")
    found = measure(MemoryMeter(folders=[folder]))
    assert all("does not match the hash" in (m.unmeasured or "") for m in found.values())


def test_a_process_that_hangs_is_ended(tmp_path: Path) -> None:
    """Past its limit the process is ended, and nothing is measured."""
    found = measure(MemoryMeter(folders=fake_artefacts(tmp_path), limit_s=0.01))
    assert {"the serving process did not finish within 0.01 s"} == {m.unmeasured for m in found.values()}


def test_what_is_not_served_here_takes_no_memory_here() -> None:
    """A remote or recorded model has no process: not measured, not 0."""
    assert {"fake is not served by a process on this machine"} == {
        m.unmeasured for m in measure(MemoryMeter(folders=())).values()
    }
    assert "nothing of it lies on this machine" == measure(SizeMeter(folders=()))["bytes"].unmeasured


def test_size_counts_every_file_of_every_folder(tmp_path: Path) -> None:
    """The bytes of a cascade are those of all its tiers, manifests included; exact, so n = 1."""
    folders = fake_artefacts(tmp_path, 2)
    expected = sum(path.stat().st_size for folder in folders for path in folder.iterdir())
    size = measure(SizeMeter(folders=folders))["bytes"]
    assert (float(expected), 1, None) == (size.value, size.n, size.interval)


def test_size_of_changed_bytes_is_refused(tmp_path: Path) -> None:
    """A folder that does not match its manifest has no size worth reporting."""
    [folder] = fake_artefacts(tmp_path)
    (folder / artefact.MANIFEST).write_text("{}")
    with pytest.raises(ArtefactError):
        measure(SizeMeter(folders=[folder]))


def test_resident_memory_is_read_where_the_system_tells() -> None:
    """The highest is at least the present; an unknown field is None."""
    now, most = resident_bytes("VmRSS"), resident_bytes("VmHWM")
    if now is None or most is None:
        pytest.skip("this system has no /proc/self/status")
    assert 0 < now <= most
    assert resident_bytes("VmNothing") is None
