"""How sure a classifier may claim to be, and what it should find strange, set on unlearnt rows."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from suffice.models.linear import Calibration

_LOWEST, _HIGHEST = 0.05, 20.0


def calibrated(logits: NDArray[np.float64], classes: NDArray[np.int64]) -> Calibration:
    """Returns the temperature and the scale of novelty, from (n, K) logits of texts not learnt from."""
    median, edge = np.quantile(logits.max(axis=1), (0.5, 0.05))
    return Calibration(temperature=temperature(logits, classes), median=float(median), edge=float(edge))


def temperature(logits: NDArray[np.float64], classes: NDArray[np.int64]) -> float:
    """Returns the temperature of least cross-entropy (Guo et al. 2017, section 4.2), in [0.05, 20].

    `logits` (n, K), `classes` (n,). The true class counts (n + 1) / (n + 2) and the others share the
    rest (Platt 1999, section 2.2): where every row is right, the plain fit would claim certainty.
    """
    n, labels = logits.shape
    rest = 1.0 / (n + 2)
    wanted = np.full((n, labels), rest / max(labels - 1, 1))
    wanted[np.arange(n), classes] = 1.0 - rest

    def cross_entropy(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        scaled = scaled - scaled.max(axis=1, keepdims=True)
        log_sums = np.log(np.exp(scaled).sum(axis=1))
        return float((log_sums - (wanted * scaled).sum(axis=1)).mean())

    found = minimize_scalar(
        cross_entropy, bounds=(np.log(_LOWEST), np.log(_HIGHEST)), method="bounded", options={"xatol": 1e-3}
    )
    return float(np.exp(found.x))
