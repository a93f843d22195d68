"""The method that lets a larger rung teach the linear one, on the task's texts and variations of them."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suffice.adapt.linear.augment import Augmenter
from suffice.adapt.linear.fit import TaughtTexts, labelled, require_two_labels, trained
from suffice.candidate import Candidate
from suffice.errors import SpecError
from suffice.models import registry
from suffice.ports import Classifier, Progress, TrainingRows

Floats = NDArray[np.float32]

# The teacher reads at most this many texts: minutes, for an encoder on two cores.
MOST_TAUGHT = 90_000
_VARIATIONS_PER_TEXT = 5
# Of a labelled text, the truth counts half and the teacher's opinion half (Hinton et al. 2015, section 2).
_TRUTH_SHARE = np.float32(0.5)
_CHUNK = 512


class DistilMethod:
    """Makes a linear model that imitates its teacher's probabilities.

    The teacher labels the train texts, the unlabelled texts, and variations made of both by
    program; never a dev or certify text.
    """

    def apply(
        self,
        candidate: Candidate,
        rows: TrainingRows,
        *,
        out: Path,
        teacher: Path | None,
        seed: int,
        progress: Progress,
    ) -> None:
        """Writes the artefact into `out`.

        Raises:
            DataError: fewer than two labels among the train rows.
            SpecError: no teacher, one without probabilities, or one with other labels.
        """
        train, dev = labelled(rows.train, rows.labels), labelled(rows.dev, rows.labels)
        require_two_labels(train)
        master = _teacher(candidate, teacher, rows.labels)
        lesson = _lesson(
            candidate, train, [s.text for s in rows.unlabelled], master=master, seed=seed, progress=progress
        )
        trained(candidate, lesson, dev, labels=rows.labels, seed=seed, progress=progress).seal(out)


def _teacher(candidate: Candidate, folder: Path | None, labels: tuple[str, ...]) -> Classifier:
    if folder is None:
        raise SpecError(f"ladder: {candidate.name!r} needs a 'teacher': another candidate's name")
    model = registry.load(folder, threads=os.cpu_count() or 1)
    if not isinstance(model, Classifier):
        raise SpecError(
            f"ladder: the teacher of {candidate.name!r} gives no probabilities over the labels",
            hint="an encoder or a linear model can teach",
        )
    if model.labels != labels:
        raise SpecError(f"ladder: the teacher of {candidate.name!r} knows other labels than the task has")
    return model


def _lesson(
    candidate: Candidate,
    train: TaughtTexts,
    unlabelled: list[str],
    *,
    master: Classifier,
    seed: int,
    progress: Progress,
) -> TaughtTexts:
    """Returns the labelled and unlabelled texts and variations of both, with what is to be learnt of each.

    Of more texts than the teacher is asked about, a random part is taken: the labelled ones among
    the rest are learnt by their truth, the unlabelled ones are left out.
    """
    texts = [*train.texts, *unlabelled]
    order = np.random.default_rng(seed).permutation(len(texts))
    asked, unasked = np.split(order, [MOST_TAUGHT // 2])
    spare = unasked[unasked < len(train.texts)]
    room = min(_VARIATIONS_PER_TEXT * len(asked), MOST_TAUGHT - len(asked))
    reading = _Reading(master, what=f"{candidate.teacher} teaches {candidate.name}", total=len(asked) + room)

    own = [texts[row] for row in asked]
    opinions = reading.of(own, progress)
    classes = opinions.argmax(axis=1).astype(np.int64)
    has_truth = asked < len(train.texts)
    classes[has_truth] = train.classes[asked[has_truth]]
    truth = np.eye(len(master.labels), dtype=np.float32)
    opinions[has_truth] *= 1 - _TRUTH_SHARE
    opinions[has_truth] += _TRUTH_SHARE * truth[classes[has_truth]]
    made = Augmenter(own, classes, seed=seed).variations(room)
    targets = [opinions, reading.of(made, progress), truth[train.classes[spare]]]
    return TaughtTexts(
        texts=[*own, *made, *(texts[row] for row in spare)], targets=np.concatenate(targets, axis=0)
    )


class _Reading:
    """Asks the teacher for its probabilities, and tells how far it has come."""

    def __init__(self, master: Classifier, *, what: str, total: int) -> None:
        self._master = master
        self._what = what
        self._total = total
        self._done = 0

    def of(self, texts: list[str], progress: Progress) -> Floats:
        """Returns the (n, K) probabilities; texts of like length are read together, which is faster."""
        opinions = np.empty((len(texts), len(self._master.labels)), np.float32)
        by_length = np.argsort([len(text) for text in texts], kind="stable")
        for start in range(0, len(texts), _CHUNK):
            rows = by_length[start : start + _CHUNK]
            opinions[rows] = self._master.classify([texts[row] for row in rows]).probabilities
            self._done += len(rows)
            progress(self._what, self._done, self._total)
        return opinions
