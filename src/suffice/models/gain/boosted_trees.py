"""Gradient-boosted regression trees as plain arrays: learnt by scikit-learn, kept and read without it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
    def joined(cls, trees: list[Any], *, base: float, share: float) -> "BoostedTrees":
        """Returns scikit-learn's node tables as one; `share` is the weight of each tree's values."""
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
