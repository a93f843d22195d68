"""Word and character overlap with the truth, by well-kept libraries: ROUGE-L and chrF."""

from collections.abc import Sequence
from typing import Any

from suffice import extras
from suffice.ports import Score


class RougeL:
    """Scores ROUGE-L's F1 in [0, 1] (Lin 2004): the longest common subsequence of words, stemmed."""

    def __init__(self) -> None:
        """Loads the library.

        Raises:
            MissingExtra: the extra 'scores' is not installed.
        """
        module = extras.require("rouge_score.rouge_scorer", extra="scores", feature="the metric rouge_l")
        self._scorer = module.RougeScorer(["rougeL"], use_stemmer=True)

    async def score(self, wanted: Sequence[Any], answers: Sequence[str | None]) -> list[Score]:
        """Returns one score per pair; 0 for no answer, None where nothing is wanted."""
        return [
            _scored(want, answer, lambda w, a: self._scorer.score(w, a)["rougeL"].fmeasure)
            for want, answer in zip(wanted, answers, strict=True)
        ]


class ChrF:
    """Scores chrF2 in [0, 1] (Popović 2015): F2 of character n-grams up to 6, by sacrebleu."""

    def __init__(self) -> None:
        """Loads the library.

        Raises:
            MissingExtra: the extra 'scores' is not installed.
        """
        module = extras.require("sacrebleu.metrics", extra="scores", feature="the metric chrf")
        self._scorer = module.CHRF()

    async def score(self, wanted: Sequence[Any], answers: Sequence[str | None]) -> list[Score]:
        """Returns one score per pair; 0 for no answer, None where nothing is wanted."""
        return [
            _scored(want, answer, lambda w, a: self._scorer.sentence_score(a, [w]).score / 100)
            for want, answer in zip(wanted, answers, strict=True)
        ]


def _scored(want: Any, answer: str | None, overlap: Any) -> Score:
    if want is None:
        return Score(value=None, why="not labelled")
    if answer is None:
        return Score(value=0.0, why="no answer")
    return Score(value=min(1.0, max(0.0, float(overlap(str(want), answer)))))
