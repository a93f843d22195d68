"""How sure a sealed decoder may claim to be, set on dev by the very weights that are served."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suffice.adapt import calibration as fits
from suffice.adapt.decoder.examples import request_of
from suffice.models import artefact, registry
from suffice.models.gguf.model import GgufClassifier
from suffice.models.gguf.settings import Calibration, DecoderSettings
from suffice.task import JsonValue, Kind, Sample

# A temperature has one parameter, Platt's curve two (reference figures: 50 and 100 rows); writing an answer
# takes longer than choosing a label, so fewer rows are written.
_LEAST_ROWS, _MOST_CHOSEN, _MOST_WRITTEN = 50, 2_000, 300
_STEPS = 100
_RIDGE = 1e-3

IsRight = Callable[[JsonValue, str | None], bool]


def calibrate(
    folder: Path, dev: Sequence[Sample], *, threads: int = 1, is_right: IsRight | None = None
) -> Calibration:
    """Returns the calibration after sealing the decoder's folder anew with it; the weights stay as they are.

    With fewer than 50 dev rows that have a target the calibration stays neutral. `is_right` says whether
    an answer is what was wanted; by default JSON values are compared, or texts without space around them.

    Raises:
        ArtefactError: the folder holds no decoder that can be served.
        MissingExtra: the extra `gguf` is not installed.
    """
    opened = artefact.unseal(folder)
    settings = DecoderSettings.from_json(opened.settings)
    neutral = {**opened.settings, "calibration": vars(Calibration())}
    rows = [sample for sample in dev if sample.target is not None]
    found = Calibration()
    if len(rows) >= _LEAST_ROWS:
        artefact.seal(folder, kind=opened.kind, settings=neutral)
        found = asyncio.run(_fitted(folder, rows, threads, is_right or _same(settings.kind)))
    artefact.seal(folder, kind=opened.kind, settings={**neutral, "calibration": vars(found)})
    return found


def platt(probability: Sequence[float], right: Sequence[bool]) -> tuple[float, float]:
    """Returns slope and intercept of P(right) = sigmoid(slope * logit(p) + intercept), the slope at least 0.

    Platt 1999, section 2.2: right rows count (n+ + 1) / (n+ + 2) and wrong ones 1 / (n- + 2), so nothing
    is ever certain. Fitted by Newton's method with a small ridge towards slope 1 and intercept 0.
    """
    p = np.clip(np.asarray(probability, np.float64), 1e-6, 1 - 1e-6)
    yes = np.asarray(right, np.bool_)
    wanted = np.where(yes, (yes.sum() + 1) / (yes.sum() + 2), 1 / ((~yes).sum() + 2))
    design = np.stack([np.log(p / (1 - p)), np.ones_like(p)], axis=1)
    start = np.array([1.0, 0.0])
    weights = _newton(design, wanted, start)
    if weights[0] < 0:  # falling confidence would turn the order round: then only the level is kept
        weights = np.array([0.0, math.log(wanted.mean() / (1 - wanted.mean()))])
    return float(weights[0]), float(weights[1])


def _newton(
    design: NDArray[np.float64], wanted: NDArray[np.float64], start: NDArray[np.float64]
) -> NDArray[np.float64]:
    weights = start.copy()
    for _ in range(_STEPS):
        said = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (said - wanted) + _RIDGE * (weights - start)
        curve = (design * (said * (1 - said))[:, None]).T @ design + _RIDGE * np.eye(2)
        step = np.clip(np.linalg.solve(curve, slope), -2.0, 2.0)
        weights = weights - step
        if np.abs(step).max() < 1e-9:
            break
    return weights


async def _fitted(folder: Path, rows: list[Sample], threads: int, is_right: IsRight) -> Calibration:
    model = registry.load(folder, threads=threads)
    try:
        if isinstance(model, GgufClassifier):
            return _of_labels(model, rows[:_MOST_CHOSEN])
        rows = rows[:_MOST_WRITTEN]
        answers = await model.answer([request_of(sample) for sample in rows])
    finally:
        await model.close()
    said = [
        (answer.confidence, is_right(sample.target, answer.text))
        for sample, answer in zip(rows, answers, strict=True)
        if answer.confidence is not None
    ]
    if len(said) < _LEAST_ROWS:
        return Calibration()
    slope, intercept = platt([p for p, _ in said], [right for _, right in said])
    return Calibration(slope=slope, intercept=intercept)


def _of_labels(model: GgufClassifier, rows: list[Sample]) -> Calibration:
    place = {label: index for index, label in enumerate(model.labels)}
    rows = [sample for sample in rows if str(sample.target) in place]
    read = model.read([sample.text for sample in rows])
    if len(read.rows) < _LEAST_ROWS:
        return Calibration()
    classes = np.array([place[str(rows[row].target)] for row in read.rows])
    median, edge = np.quantile(read.scores.top_logits, (0.5, 0.05))
    return replace(
        Calibration(),
        temperature=fits.temperature(read.scores.log_probabilities, classes),
        median=float(median),
        edge=float(edge),
    )


def _same(kind: Kind) -> IsRight:
    def same_text(wanted: JsonValue, said: str | None) -> bool:
        return said is not None and str(wanted).strip() == said.strip()

    def same_json(wanted: JsonValue, said: str | None) -> bool:
        value: Any = None if said is None else json.loads(said)
        return said is not None and bool(value == wanted)

    return same_json if kind is Kind.EXTRACT else same_text
