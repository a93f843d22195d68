"""A model as scorer: asked about each answer, once, and its verdicts turned into worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from suffice.errors import ModelError
from suffice.forms import raw_form
from suffice.ports import Answer, Model, Request, Score
from suffice.score.judge.asking import WORTH, Case, Mode, asked
from suffice.score.judge.verdicts import verdict_of

# As with a live reference: of which rows a judge says nothing may depend on the rows.
_FEW_FAILED, _MOST_FAILED = 2, 0.05
_TIE = 0.5


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a judge said of one answer. `worth` in [0, 1]; None where a verdict is missing.

    `verdicts` has one for each order, None for one that cannot be read or did not come; () where nothing was
    asked: there was no answer, or it is the very text it would be compared with.
    """

    worth: float | None
    verdicts: tuple[str | None, ...] = ()

    @property
    def is_changed(self) -> bool:
        """Says whether the order of both answers changed the outcome; only for two readable verdicts."""
        if len(self.verdicts) < 2 or self.worth is None:
            return False
        first, second = (WORTH[Mode.COMPARE][at][str(v)] for at, v in enumerate(self.verdicts))
        return first != second


class JudgeScorer:
    """Scores what a judge says: 1 for a correct or better answer, 0 for the others, 1/2 for a tie.

    In COMPARE both orders are asked and the mean counts: a verdict that follows the order is a tie. An answer
    whose verdict is missing is worth `unread`; no answer is worth 0. What was said is kept in `said`, by
    the requests' keys.
    """

    def __init__(self, model: Model, *, mode: Mode, rubric: str = "", unread: float = 0.0) -> None:
        self.model, self.mode, self.rubric = model, mode, rubric
        self._unread = unread
        self.said: dict[str, str | None] = {}
        self.unreadable: dict[str, str] = {}
        self.failed: set[str] = set()

    def towards_candidates(self) -> "JudgeScorer":
        """Returns the same judge, whose missing verdicts count against the reference: they are worth 1."""
        other = JudgeScorer(self.model, mode=self.mode, rubric=self.rubric, unread=1.0)
        other.said, other.unreadable, other.failed = self.said, self.unreadable, self.failed
        return other

    async def score(self, wanted: Sequence[Any], answers: Sequence[str | None]) -> list[Score]:
        """Returns one score per pair of a case (as a wish) and an answer; None where there is no case.

        Raises:
            ModelError: the judge did not answer more than two, and more than a twentieth, of the questions.
            BudgetExceeded: asking on would pass the spend cap; what was paid for is kept.
        """
        judged = await self.judge([None if w is None else Case.of_wish(w) for w in wanted], answers)
        return [
            Score(value=None, why="not judged")
            if case is None
            else Score(value=self._unread, why="the judge's verdict is missing")
            if judgement.worth is None
            else Score(value=judgement.worth)
            for case, judgement in zip(wanted, judged, strict=True)
        ]

    async def judge(self, cases: Sequence[Case | None], answers: Sequence[str | None]) -> list[Judgement]:
        """Returns what the judge says of each answer, asked for all at once.

        Raises:
            ModelError: the judge did not answer more than two, and more than a twentieth, of the questions.
            BudgetExceeded: asking on would pass the spend cap; what was paid for is kept.
        """
        questions = [self._questions(case, answer) for case, answer in zip(cases, answers, strict=True)]
        await self._ask([request for requests in questions for request in requests])
        return [
            self._judgement(case, answer, requests)
            for case, answer, requests in zip(cases, answers, questions, strict=True)
        ]

    def _questions(self, case: Case | None, answer: str | None) -> tuple[Request, ...]:
        if case is None or answer is None or self._is_tie(case, answer):
            return ()
        return asked(case, answer, self.mode, rubric=self.rubric)

    def _is_tie(self, case: Case, answer: str) -> bool:
        return self.mode is Mode.COMPARE and raw_form(answer) == raw_form(case.beside)

    def _judgement(self, case: Case | None, answer: str | None, requests: tuple[Request, ...]) -> Judgement:
        if not requests:
            is_tie = case is not None and answer is not None
            return Judgement(worth=None if case is None else _TIE if is_tie else 0.0)
        verdicts = tuple(self.said[request.key] for request in requests)
        if None in verdicts:
            return Judgement(worth=None, verdicts=verdicts)
        worth = [WORTH[self.mode][at][str(verdict)] for at, verdict in enumerate(verdicts)]
        return Judgement(worth=sum(worth) / len(worth), verdicts=verdicts)

    async def _ask(self, requests: Sequence[Request]) -> None:
        """Asks what was not asked before. What failed is asked again by the next run, not by this one."""
        fresh = list({r.key: r for r in requests if r.key not in self.said}.values())
        if not fresh:
            return
        given = await self.model.answer(fresh)
        for request, answer in zip(fresh, given, strict=True):
            self._take(request, answer)
        if len(self.failed) > max(_FEW_FAILED, _MOST_FAILED * len(self.said)):
            first = next(answer.error for answer in given if answer.error is not None)
            raise ModelError(
                f"the judge {self.model.name} did not answer {len(self.failed):,} of {len(self.said):,} "
                f"questions; the last time because: {first}",
                hint="what it answered is kept: run again when it answers, with a longer timeout_s if needed",
            )

    def _take(self, request: Request, answer: Answer) -> None:
        verdict = verdict_of(answer.text, self.mode)
        self.said[request.key] = verdict
        if answer.error is not None:
            self.failed.add(request.key)
        elif verdict is None:
            quoted = answer.text if answer.text is not None else "; ".join(answer.notes)
            self.unreadable[request.key] = quoted[:80]
