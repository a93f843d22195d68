"""The method of the cheapest rung: hashed n-grams and a softmax, fitted to the train rows' labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suffice.adapt import calibration
from suffice.adapt.linear import ngram_rows, softmax_descent
from suffice.adapt.linear.softmax_descent import DescentSettings, Factors
from suffice.candidate import Candidate
from suffice.errors import DataError, SpecError
from suffice.models.linear import LinearModel
from suffice.models.linear_weights import LinearWeights, quantised
from suffice.models.weighted_rows import weighted
from suffice.ports import Progress, TrainingRows
from suffice.task import Sample

Floats = NDArray[np.float32]

# 2^15 buckets of 56 bytes with their scales, rarities and a head for 150 labels: 1.97 MB.
MOST_BITS, MOST_RANK = 15, 56
# Rows at least, batch, first step size, passes: chosen on CLINC150's val among what costs a minute at most.
_PACES = ((60_000, 512, 0.03, 8), (12_000, 256, 0.02, 14), (0, 256, 0.02, 20))
# Fewer dev rows than this say too little of the confidence: train rows are held out for it.
_CALIBRATION_ROWS = 50
_HELD_OUT_SHARE, _HELD_OUT_MOST = 0.2, 2_000


@dataclass(frozen=True, kw_only=True)
class TaughtTexts:
    """Texts with what is to be learnt of them: (n,) classes, or (n, K) probabilities."""

    texts: Sequence[str]
    targets: NDArray[np.int64] | Floats

    def picked(self, rows: NDArray[np.int64]) -> "TaughtTexts":
        """Returns some of the texts."""
        return TaughtTexts(texts=[self.texts[row] for row in rows], targets=self.targets[rows])

    @property
    def classes(self) -> NDArray[np.int64]:
        """Returns the (n,) classes, the most probable ones where there are probabilities."""
        whole = self.targets if self.targets.ndim == 1 else self.targets.argmax(axis=1)
        return whole.astype(np.int64)


class LinearMethod:
    """Makes a linear model from the train rows; confidence and novelty are set on dev."""

    def apply(
        self,
        candidate: Candidate,
        rows: TrainingRows,
        *,
        out: Path,
        teacher: Path | None,  # noqa: ARG002 - a method's signature; only distilling has one
        seed: int,
        progress: Progress,
    ) -> None:
        """Writes the artefact into `out`.

        Raises:
            DataError: fewer than two labels among the train rows.
            SpecError: a setting it does not know, or of a wrong value.
        """
        train, dev = labelled(rows.train, rows.labels), labelled(rows.dev, rows.labels)
        require_two_labels(train)
        trained(candidate, train, dev, labels=rows.labels, seed=seed, progress=progress).seal(out)


def labelled(samples: Sequence[Sample], labels: Sequence[str]) -> TaughtTexts:
    """Returns the samples' texts with the positions of their targets among the labels.

    Raises:
        DataError: a target that is none of the labels.
    """
    position = {label: index for index, label in enumerate(labels)}
    for sample in samples:
        if sample.target not in position:
            where = f" ({sample.source})" if sample.source else ""
            raise DataError(f"the target {sample.target!r}{where} is none of the task's {len(labels)} labels")
    classes = np.array([position[str(sample.target)] for sample in samples], dtype=np.int64)
    return TaughtTexts(texts=[sample.text for sample in samples], targets=classes)


def require_two_labels(train: TaughtTexts) -> None:
    """Refuses rows from which no difference can be learnt.

    Raises:
        DataError: fewer than two labels.
    """
    found = len(np.unique(train.classes))
    if found < 2:
        raise DataError(
            f"the {len(train.texts)} train rows hold {found} label{'s' * (found != 1)}; learning needs 2",
            hint="give rows of at least two labels, some of each",
        )


def trained(
    candidate: Candidate,
    train: TaughtTexts,
    dev: TaughtTexts,
    *,
    labels: Sequence[str],
    seed: int,
    progress: Progress,
) -> LinearModel:
    """Returns the model fitted to the train texts, quantised, its confidence and novelty set on dev.

    Where dev is small, a fifth of the train texts (2,000 at most) is held out of a first fit that
    only serves to set them. On one core, 15,000 short texts of 150 labels take about 20 s, 90,000
    about 40 s, and the hashing of more rows grows with their length; 200,000 rows need 1 GB.
    """
    _check_settings(candidate)
    what = f"make {candidate.name}"
    held_out = _held_out(len(train.texts), len(dev.texts), seed)
    share = 1.0 if held_out is None else 2.0

    def fitted(texts: TaughtTexts, done: float) -> LinearWeights:
        return _fitted(
            candidate, texts, labels=len(labels), seed=seed,
            heard=lambda part: progress(what, (done + part) / share, 1.0),
        )  # fmt: skip

    if held_out is None:
        weights = fitted(train, 0.0)
        probe, judge = (dev if dev.texts else train), weights
    else:
        kept = np.setdiff1d(np.arange(len(train.texts)), held_out)
        probe = train.picked(held_out)
        judge = fitted(train.picked(kept), 0.0)
        weights = fitted(train, 1.0)
    logits = LinearModel(judge, name="", labels=labels).logits(probe.texts)
    fitted_to = calibration.calibrated(logits, probe.classes)
    return LinearModel(weights, name=candidate.name, labels=labels, calibration=fitted_to)


def _fitted(
    candidate: Candidate, taught: TaughtTexts, *, labels: int, seed: int, heard: softmax_descent.Heard
) -> LinearWeights:
    # In random order, what does not fit in memory is a random part.
    taught = taught.picked(np.random.default_rng(seed).permutation(len(taught.texts)))
    bits = ngram_rows.bits_for(taught.texts, most=int(candidate.setting("bits", MOST_BITS)))
    counted = ngram_rows.counted(taught.texts, bits=bits)
    codes = ngram_rows.rarity_codes(counted)
    settings = _settings(candidate, n=counted.shape[0], labels=labels)
    x = weighted(counted, codes)
    factors = softmax_descent.fit(
        x, taught.targets[: x.shape[0]], labels=labels, settings=settings, seed=seed, heard=heard
    )
    return _exported(factors, codes)


def _settings(candidate: Candidate, *, n: int, labels: int) -> DescentSettings:
    """Returns how n rows are fitted: the first row of the table that n reaches.

    Few rows take at least 300 steps; few labels need no head.
    """
    batch, rate, epochs = next(row for least, *row in _PACES if n >= least)
    batch = min(int(batch), max(n // 16, 16))
    rank = int(candidate.setting("rank", MOST_RANK))
    return DescentSettings(
        rank=None if labels <= rank else rank,
        epochs=int(candidate.setting("epochs", max(int(epochs), -(-300 * batch // max(n, 1))))),
        batch=batch,
        rate=rate,
    )


def _exported(factors: Factors, codes: NDArray[np.uint8]) -> LinearWeights:
    rows, scale = quantised(factors.rows)
    labels = len(factors.bias)
    head = np.empty((0, labels), np.float16) if factors.head is None else factors.head.astype(np.float16)
    return LinearWeights(rows=rows, row_scale=scale, rarity_code=codes, head=head, bias=factors.bias)


def _held_out(train: int, dev: int, seed: int) -> NDArray[np.int64] | None:
    """Returns the train rows to set the confidence on, or None where dev is large enough."""
    if dev >= _CALIBRATION_ROWS or train < 10:
        return None
    share = min(int(train * _HELD_OUT_SHARE), _HELD_OUT_MOST)
    return np.sort(np.random.default_rng(seed).permutation(train)[:share])


def _check_settings(candidate: Candidate) -> None:
    limits = {"bits": (8, 20), "rank": (1, 1024), "epochs": (1, 1000)}
    for name, value in candidate.settings:
        if name not in limits:
            raise SpecError(
                f"ladder: {candidate.name!r} has the setting {name!r}; a linear model has {', '.join(limits)}"
            )
        low, high = limits[name]
        if not isinstance(value, int) or not low <= value <= high:
            raise SpecError(f"ladder: {candidate.name!r}: {name} is {value!r}, expected {low} to {high}")
