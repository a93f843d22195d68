"""Gradient-boosted regression trees as plain arrays: learnt by scikit-learn, kept and read without it."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_SETTINGS: Final = {
    "max_iter": 150,
    "learning_rate": 0.05,
    "max_leaf_nodes": 12,
    "l2_regularization": 10.0,
    "max_features": 0.3,
    "early_stopping": False,
}


@dataclass(frozen=True, kw_only=True)
class BoostedTrees:
    """T trees, the nodes of all in one row each array; a leaf points at itself.

    `roots`: (T,) positions of the roots. `feature`, `threshold`, `left`, `right`, `value`: (nodes,). The
    prediction is base + sum over trees of the value of the leaf reached.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int16]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    base: NDArray[np.float64]  # (1,)

    @classmethod
    def fit(
        cls, columns: NDArray[np.float64], target: NDArray[np.float64], *, seeds: tuple[int, ...]
    ) -> "BoostedTrees":
        """Returns the average of one least-squares boosting (Friedman 2001) per seed.

        Args:
            columns: (n, c), finite.
            target: (n,).
            seeds: each draws the features that its trees may split on.
        """
        from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415 - 0.5 s, for training alone

        # Leaves hold a share of the rows, within bounds, so that few labels give few splits.
        leaf = int(np.clip(len(columns) // 50, 10, 40))
        runs = [
            HistGradientBoostingRegressor(random_state=seed, min_samples_leaf=leaf, **_SETTINGS).fit(
                columns, target
            )
            for seed in seeds
        ]
        # scikit-learn has no public view of these trees; a test holds our reading against its predictions.
        nodes = [stage[0].nodes for run in runs for stage in run._predictors]  # noqa: SLF001
        base = np.mean([np.ravel(run._baseline_prediction)[0] for run in runs])  # noqa: SLF001
        return cls._joined(nodes, base=float(base), share=1.0 / len(runs))

    @classmethod
    def _joined(cls, trees: list[Any], *, base: float, share: float) -> "BoostedTrees":
        roots = np.cumsum([0, *(len(tree) for tree in trees[:-1])]).astype(np.int32)
        all_nodes = np.concatenate(trees)
        here = np.arange(len(all_nodes), dtype=np.int32)
        offset = np.repeat(roots, [len(tree) for tree in trees])
        leaf = all_nodes["is_leaf"].astype(bool)
        return cls(
            roots=roots,
            feature=np.where(leaf, 0, all_nodes["feature_idx"]).astype(np.int16),
            threshold=np.where(leaf, 0.0, all_nodes["num_threshold"]).astype(np.float64),
            left=np.where(leaf, here, offset + all_nodes["left"].astype(np.int64)).astype(np.int32),
            right=np.where(leaf, here, offset + all_nodes["right"].astype(np.int64)).astype(np.int32),
            value=np.where(leaf, share * all_nodes["value"], 0.0).astype(np.float64),
            base=np.array([base]),
        )

    def predict(self, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the prediction for each row of (n, c), shape (n,)."""
        rows = np.arange(len(columns))[:, None]
        at = np.broadcast_to(self.roots, (len(columns), len(self.roots))).copy()
        while True:
            goes_left = columns[rows, self.feature[at]] <= self.threshold[at]
            reached = np.where(goes_left, self.left[at], self.right[at])
            if np.array_equal(reached, at):
                break
            at = reached
        predicted: NDArray[np.float64] = self.base[0] + self.value[at].sum(axis=1)
        return predicted
