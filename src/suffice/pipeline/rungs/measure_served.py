"""What the bundle takes as it is served: all tiers in one process, answering one request after the other."""

import asyncio
import shutil
from pathlib import Path

from suffice import fingerprint
from suffice.bundle import model_folder
from suffice.certify.resources import uses_reference
from suffice.measure.cost import own_cost
from suffice.measure.quality import requests_of
from suffice.measurement import Measurement
from suffice.pipeline.rungs.measure_rung import measured, read_measurements, write_measurements
from suffice.pipeline.tell.findings import Findings
from suffice.ports import Progress, Store

_REQUESTS = 256
# Kinds whose answers come from elsewhere: asking them again would cost money, or time a table.
_ELSEWHERE = {"agreement", "openai", "recorded"}
# What the reference adds to is not measured here: it is composed from dev's escalation instead.
_LOCAL_ONLY = {"memory_bytes", "memory_baseline_bytes", "load_ms", "bytes"}


def served_measurements(
    findings: Findings, bundle: Path, store: Store, *, runner: asyncio.Runner, progress: Progress
) -> tuple[Measurement, ...]:
    """Returns the measurements of the chosen cascade's bundle, once for each bundle and machine.

    () where a single model was chosen: its rung has been measured already, from the same files. ()
    too where a tier is not served here.
    """
    chosen = findings.chosen
    if chosen is None or len(chosen.system.cascade.tiers) == 1:
        return ()
    if any(findings.rung(name).candidate.kind in _ELSEWHERE for name in chosen.system.cascade.local_models):
        return ()
    name = fingerprint.of_value((fingerprint.of_folder(bundle), findings.environment))
    place = store.artefact(name)
    if place is None:
        requests = requests_of(findings.choice.rows[:_REQUESTS])
        found = runner.run(measured(model_folder(bundle), requests, progress=progress))
        making = store.workplace(name)
        try:
            write_measurements(making, found)
            place = store.keep_artefact(name, making)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    found = read_measurements(place)
    if uses_reference(chosen.system.cascade):
        return tuple(m for m in found if m.quantity in _LOCAL_ONLY)
    throughput = next(m for m in found if m.quantity == "throughput_per_s")
    return (*found, own_cost(throughput, findings.machine))
