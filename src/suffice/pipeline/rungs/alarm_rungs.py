"""For recall at a false-alarm rate: each local classifier gets the threshold that dev says is best."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from suffice import fingerprint
from suffice.bar import Metric, QualityBar
from suffice.errors import DataError
from suffice.measure.quality import requests_of
from suffice.measure.size import SizeMeter
from suffice.measurement import Measurement
from suffice.models import alarm, registry
from suffice.pipeline.rungs.open_rungs import Workbench, resources_of
from suffice.pipeline.rungs.rung import Rung
from suffice.ports import Classifier
from suffice.readers.spec import Spec
from suffice.stats.budget import look_alpha
from suffice.stats.operating_point import OperatingPoint, Wanted, operating_point
from suffice.task import Sample, Split

_THRESHOLD = "alarm_threshold"


def alarm_rungs(rungs: Sequence[Rung], spec: Spec, bench: Workbench) -> list[Rung]:
    """Returns the rungs; where the metric is recall at a false-alarm rate, classifiers get an alarm.

    The threshold is chosen on dev, never on certify: there only the number of labelled rows is
    looked at. The alarm takes what its classifier takes; only its size is measured again.

    Raises:
        DataError: dev lacks labelled rows of the positive class, or of all others.
    """
    bar = spec.quality_bar
    if bar.metric is not Metric.RECALL_AT_FALSE_ALARM:
        return list(rungs)
    dev = [sample for sample in bench.rows.splits[Split.DEV] if sample.target is not None]
    count = sum(sample.target is not None for sample in bench.rows.splits[Split.CERTIFY])
    wanted = Wanted(
        recall=bar.threshold,
        false_alarm=bar.false_alarm or 0.0,
        alpha=look_alpha(spec.alpha, 1),
        rows=count,
    )
    return [_with_alarm(rung, bar, dev=dev, wanted=wanted, bench=bench) for rung in rungs]


def alarm_notes(rungs: Sequence[Rung]) -> tuple[str, ...]:
    """Returns in words at which probability each rung raises its alarm."""
    return tuple(
        f"{rung.name} names the class to be found where its probability is at least {m.value:.3g}: a "
        f"threshold chosen on {m.n:,} dev rows, before any certify row was seen"
        for rung in rungs
        for m in rung.measurements
        if m.quantity == _THRESHOLD
    )


def _with_alarm(
    rung: Rung, bar: QualityBar, *, dev: Sequence[Sample], wanted: Wanted, bench: Workbench
) -> Rung:
    model = registry.load(rung.folder)
    if not isinstance(model, Classifier) or bar.positive is None:
        return rung
    point = _point(model, dev, bar.positive, wanted=wanted)
    folder = _sealed(rung, bar.positive, point.threshold, bench=bench)
    identity = fingerprint.of_value(fingerprint.of_folder(folder))
    size = bench.runner.run(SizeMeter(folders=[folder]).measure(model, []))
    known = [m for m in rung.measurements if m.quantity not in {s.quantity for s in size}]
    threshold = Measurement(
        quantity=_THRESHOLD, value=point.threshold, unit="share", n=point.n, split=Split.DEV.value
    )
    measurements = (*size, *known, threshold)
    return replace(
        rung,
        model=bench.remembered(registry.load(folder), identity),
        fingerprint=identity,
        folder=folder,
        measurements=measurements,
        resources=resources_of(measurements),
    )


def _point(model: Classifier, dev: Sequence[Sample], positive: str, *, wanted: Wanted) -> OperatingPoint:
    truth = [str(sample.target) == positive for sample in dev]
    if not any(truth) or all(truth):
        raise DataError(
            f"of {len(dev):,} labelled dev rows {sum(truth):,} are {positive!r}: no threshold can be chosen",
            hint="give more rows of the class, or a dev file of your own that has both kinds",
        )
    said = model.classify([request.text for request in requests_of(dev)])
    return operating_point(said.probabilities[:, model.labels.index(positive)], truth, wanted=wanted)


def _sealed(rung: Rung, positive: str, threshold: float, *, bench: Workbench) -> Path:
    """Returns the alarm's folder in the store, made now if it was not made before."""
    name = fingerprint.of_value((alarm.KIND, rung.name, rung.fingerprint, positive, threshold))
    if (done := bench.store.artefact(name)) is not None:
        return done
    folder = bench.store.workplace(name)
    alarm.seal(rung.folder, out=folder, name=rung.name, positive=positive, threshold=threshold)
    return bench.store.keep_artefact(name, folder)
