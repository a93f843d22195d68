"""Fit TRACER and repeat its calibration; run by the peers' own Python, without suffice: IN.npz OUT.npz.

Its own functions throughout: `tracer.fit` once, end to end; and for the repetitions its acceptor and
its threshold calibration on other calibration rows, over one surrogate of its zoo.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from tracer.api import fit, load_router
from tracer.config import FitConfig
from tracer.fit.pipeline import _accept_scores, _calibrate_threshold, _fit_acceptor

# A logistic regression and a network of its zoo are kept: the rest takes an hour for 150 classes here.
_LEFT_OUT = ("logreg_c10", "sgd_log", "mlp_2h", "dt", "rf", "et", "gbt", "xgb")
_SURROGATE_ROWS = 6_000


def main() -> None:
    """Read embeddings, labels, and the calibration rows of each repetition; write scores and thresholds."""
    given = np.load(sys.argv[1])
    target = float(given["target"])
    rows = np.random.default_rng(0).permutation(len(given["y_train"]))[:_SURROGATE_ROWS]
    surrogate = Pipeline(
        [("scale", StandardScaler()), ("clf", LogisticRegression(C=1.0, max_iter=1000, random_state=42))]
    ).fit(given["x_train"][rows], given["y_train"][rows])
    dev = surrogate.predict_proba(given["x_val"])
    acceptor = _fit_acceptor(dev, dev.argmax(axis=1), given["y_val"])
    pool = surrogate.predict_proba(given["x_test"])
    scores, answers = _accept_scores(acceptor, pool), pool.argmax(axis=1)
    thresholds = []
    for drawn in given["draws"]:
        found = _calibrate_threshold(scores[drawn], answers[drawn], given["y_test"][drawn], target)
        thresholds.append(np.inf if found is None else found["threshold"])
    began = time.perf_counter()
    handled, right, method = end_to_end(given, target)
    np.savez(
        sys.argv[2],
        dev_scores=_accept_scores(acceptor, dev),
        scores=scores,
        agrees=answers == given["y_test"],
        thresholds=np.array(thresholds),
        whole=np.array([handled, right, time.perf_counter() - began]),
        method=np.array(method),
    )


def end_to_end(given: np.lib.npyio.NpzFile, target: float) -> tuple[int, int, str]:
    """Return how many test rows `tracer.fit`'s router handles, how many of them rightly, and its method."""
    with tempfile.TemporaryDirectory() as folder:
        traces = Path(folder) / "traces.jsonl"
        names = [f"intent {index:03d}" for index in range(int(given["y_train"].max()) + 1)]
        labels = [names[index] for index in given["y_train"]]
        lines = [json.dumps({"input": str(i), "teacher": label}) + "\n" for i, label in enumerate(labels)]
        traces.write_text("".join(lines), encoding="utf-8")
        config = FitConfig(
            target_teacher_agreement=target,
            frontier_targets=(target,),
            skip_candidates=_LEFT_OUT,
            verbose=False,
        )
        fitted = fit(traces, Path(folder) / "made", embeddings=given["x_train"], config=config)
        if fitted.manifest.selected_method is None:
            return 0, 0, "none"
        said = load_router(Path(folder) / "made").predict_batch(given["x_test"])
    handled = np.asarray(said["handled"], dtype=bool)
    truth = np.array(names)[given["y_test"]]
    right = sum(label == gold for label, gold in zip(said["labels"], truth, strict=True) if label is not None)
    return int(handled.sum()), int(right), str(fitted.manifest.selected_method)


if __name__ == "__main__":
    main()
