"""The cheapest rung: hashed word and character n-grams, weights in 8 bits, a softmax over the labels."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from suffice.errors import ArtefactError
from suffice.models import artefact, hashing
from suffice.models.linear_weights import LinearWeights
from suffice.models.shares import shares_of
from suffice.ports import Answer, Classification, Reason, Request

KIND = "linear"
Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What was learnt on dev about the model's own certainty.

    Logits are divided by `temperature`. The greatest logit tells familiar texts from foreign ones
    (Hendrycks et al. 2022, Scaling Out-of-Distribution Detection): a text at the dev texts' `median`
    has novelty 1/20, one at their lowest twentieth, `edge`, has 1/2, by a logistic curve.
    """

    temperature: float = 1.0
    median: float = 1.0
    edge: float = 0.0

    def novelty(self, greatest: float) -> float:
        """Returns the novelty in [0, 1] of a text by its greatest logit."""
        steepness = math.log(19.0) / max(self.median - self.edge, 1e-6)
        return 1.0 / (1.0 + math.exp(min(max(steepness * (greatest - self.edge), -500.0), 500.0)))


class LinearModel:
    """A linear classifier of texts: microseconds a request, about a megabyte, explains itself."""

    simulated = False

    def __init__(
        self,
        weights: LinearWeights,
        *,
        name: str,
        labels: Sequence[str],
        calibration: Calibration = Calibration(),
    ) -> None:
        self._name = name
        self._labels = tuple(labels)
        self._calibration = calibration
        self._weights = weights
        self._rarity = weights.rarity
        self._scale = weights.row_scale.astype(np.float32)
        self._head = weights.head.astype(np.float32) if len(weights.head) else None

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Returns the model in a folder.

        Raises:
            ArtefactError: a file is missing, damaged, changed, or of another kind of model.
        """
        sealed = artefact.unseal(folder)
        if sealed.kind != KIND:
            raise ArtefactError(f"{folder} holds a model of kind {sealed.kind!r}, not {KIND!r}")
        name, labels, calibration = _checked_settings(sealed.settings, folder)
        weights = LinearWeights.read(folder, labels=len(labels))
        return cls(weights, name=name, labels=labels, calibration=calibration)

    def seal(self, folder: Path) -> artefact.Artefact:
        """Returns the artefact of this model, written into an empty folder."""
        self._weights.write(folder)
        settings = {
            "name": self._name,
            "labels": list(self._labels),
            "calibration": asdict(self._calibration),
            "hashing_scheme": hashing.SCHEME,
        }
        return artefact.seal(folder, kind=KIND, settings=settings)

    @property
    def name(self) -> str:
        """Returns the name under which it is measured and served."""
        return self._name

    @property
    def labels(self) -> tuple[str, ...]:
        """Returns the labels in the order of the probabilities' columns."""
        return self._labels

    def classify(self, texts: Sequence[str]) -> Classification:
        """Returns calibrated probabilities and novelty for each text.

        Each text is answered by itself, so the batch it comes in never changes its answer.
        """
        probabilities = np.empty((len(texts), len(self._labels)))
        novelty = np.empty(len(texts))
        for row, text in enumerate(texts):
            logits = self._logits(text)
            greatest = float(logits.max())
            shares = np.subtract(logits, greatest, out=probabilities[row])
            shares /= self._calibration.temperature
            np.exp(shares, out=shares)
            shares /= shares.sum()
            novelty[row] = self._calibration.novelty(greatest)
        return Classification(probabilities=probabilities, novelty=novelty)

    def logits(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Returns the (n, K) logits before the temperature."""
        out = np.empty((len(texts), len(self._labels)))
        for row, text in enumerate(texts):
            out[row] = self._logits(text)
        return out

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns the most probable label for each request."""
        if not requests:
            return []
        said = self.classify([request.text for request in requests])
        best = said.probabilities.argmax(axis=1)
        return [
            Answer(
                text=self._labels[label],
                confidence=float(said.probabilities[row, label]),
                novelty=float(said.novelty[row]),
                tier=self._name,
                probabilities=shares_of(requests[row], self._labels, said.probabilities[row]),
            )
            for row, label in enumerate(best)
        ]

    async def close(self) -> None:
        """Does nothing: the weights go with the object."""

    def explain(self, text: str, *, top: int = 5) -> list[Reason]:
        """Returns the n-grams that weighed most for the answer, strongest first.

        An n-gram's weight is its share of the answer's logit above the mean logit of all labels;
        over all n-grams they sum to it, less the bias. N-grams that lie within a stronger one of
        the same sign are left out of a list that is cut to `top`.
        """
        weights: dict[str, float] = {}
        for ngram, weight in zip(hashing.ngrams(text), self._contributions(text), strict=True):
            weights[ngram] = weights.get(ngram, 0.0) + float(weight)
        ranked = sorted(weights.items(), key=lambda item: (-abs(item[1]), item[0]))
        if top >= len(ranked):
            return [Reason(evidence=ngram, weight=weight, kind="ngram") for ngram, weight in ranked]
        chosen: list[Reason] = []
        for ngram, weight in ranked:
            if len(chosen) == top:
                break
            if not any(_overlap(ngram, reason.evidence) and weight * reason.weight > 0 for reason in chosen):
                chosen.append(Reason(evidence=ngram, weight=weight, kind="ngram"))
        return chosen

    def _logits(self, text: str) -> Floats:
        buckets, counts = hashing.counts(text, bits=self._weights.bits)
        x = np.sqrt(counts)
        x *= self._rarity.take(buckets)
        length = math.sqrt(x @ x)
        x *= self._scale.take(buckets)
        inner: Floats = x @ self._weights.rows.take(buckets, 0).astype(np.float32)
        inner /= length
        if self._head is not None:
            inner = inner @ self._head
        inner += self._weights.bias
        return inner

    def _contributions(self, text: str) -> NDArray[np.float64]:
        """Returns what each n-gram (in hashing's order) adds to the answer's logit above the mean logit."""
        shift = np.uint64(64 - self._weights.bits)
        occurrences = (np.concatenate(list(hashing.hash_blocks(text))) >> shift).astype(np.int64)
        buckets, position, counts = np.unique(occurrences, return_inverse=True, return_counts=True)
        x = np.sqrt(counts) * self._rarity[buckets].astype(np.float64)
        label = int(self._logits(text).argmax())
        rows = self._weights.rows[buckets].astype(np.float64) * self._scale[buckets][:, None]
        head = np.eye(rows.shape[1]) if self._head is None else self._head.astype(np.float64)
        direction = head[:, label] - head.mean(axis=1)
        shares: NDArray[np.float64] = (rows @ direction) * x / np.sqrt(x @ x) / counts
        return shares[position]


def _checked_settings(settings: Mapping[str, Any], folder: Path) -> tuple[str, list[str], Calibration]:
    try:
        name, labels, scheme = settings["name"], list(settings["labels"]), settings["hashing_scheme"]
        calibration = Calibration(**{key: float(value) for key, value in settings["calibration"].items()})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ArtefactError(f"{folder}: the model's settings are damaged: {error!r}") from error
    if scheme != hashing.SCHEME:
        raise ArtefactError(
            f"{folder}: made with hashing scheme {scheme!r}; this version of suffice has {hashing.SCHEME}",
            hint="make the model again with this version",
        )
    is_finite = all(math.isfinite(value) for value in asdict(calibration).values())
    if not (is_finite and calibration.temperature > 0 and all(isinstance(label, str) for label in labels)):
        raise ArtefactError(
            f"{folder}: the model's settings are damaged: {calibration}, {len(labels)} labels"
        )
    return name, labels, calibration


def _overlap(one: str, other: str) -> bool:
    return one.strip() in other.strip() or other.strip() in one.strip()
