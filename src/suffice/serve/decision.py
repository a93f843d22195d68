"""The typed questions of a decision, and what a classifier's probabilities over its labels say to them.

The probabilities are of one reading of the input: every question is a view on them, none is asked anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

Value = str | bool
# How the labels of a task with two answers are usually written; the first of a pair means that it holds.
_TRUTHS = (("true", "false"), ("yes", "no"), ("y", "n"), ("1", "0"), ("positive", "negative"))
_SHOWN = 20


class QuestionKind(StrEnum):
    """What is asked: whether something holds, which of several it is, or how much on ordered levels."""

    PREDICATE = "predicate"
    CHOICE = "choice"
    SCORE = "score"


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One question. `name` is None where the client gave none; `options` are the values to choose from.

    For a score they are the levels, lowest first; a predicate has none.
    """

    kind: QuestionKind
    name: str | None = None
    options: tuple[Value, ...] = ()

    def labels(self, known: Sequence[str]) -> tuple[str, ...]:
        """Returns the labels a classifier that knows these answers it with, () where it cannot.

        For a choice or a score: the label of each option in their order; all labels must be among them,
        and no other option: of a part, or of more, its probabilities would not be those that were
        certified. For a predicate: the label that means that it holds, which is the one of its name, else
        of two labels such as yes and no the first.
        """
        if self.kind is QuestionKind.PREDICATE:
            held = self.name if self.name in known else _truths(known).get(True)
            return () if held is None else (held,)
        truths = _truths(known)
        wanted = tuple(
            truths.get(option, "") if isinstance(option, bool) else option for option in self.options
        )
        return wanted if len(wanted) == len(known) and set(wanted) == set(known) else ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Questions:
    """What one decision asks. `must_all`: the API has no word for a question that stays open."""

    asked: tuple[Question, ...]
    must_all: bool = False

    def misfit(self, known: Sequence[str]) -> str:
        """Returns which questions a classifier with these labels cannot answer, in words; "" for none."""
        unfit = [number for number, question in enumerate(self.asked) if not question.labels(known)]
        if not unfit:
            return ""
        which = ", ".join(str(number) for number in unfit[:5]) + (", ..." if len(unfit) > 5 else "")
        return f"question {which} is none for this model: {about(known)}"

    def is_hopeless(self, known: Sequence[str]) -> bool:
        """Says whether asking a classifier with these labels would be for nothing."""
        fits = [bool(question.labels(known)) for question in self.asked]
        return not (all(fits) if self.must_all else any(fits))


def about(known: Sequence[str]) -> str:
    """Returns what a classifier with these labels can be asked, in words."""
    if not known:
        return "it does not choose among labels that it could show the probabilities of"
    shown = ", ".join(repr(label) for label in known[:_SHOWN])
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return (
        f"it chooses among {len(known)} labels ({shown}{more}): ask a choice or a score whose options are"
        " exactly these, or a predicate named as one of them"
    )


def _truths(known: Sequence[str]) -> Mapping[bool, str]:
    """Returns which of two labels means true and which false; {} where that is not plain."""
    if len(known) != 2:
        return {}
    by_word = {label.strip().lower(): label for label in known}
    for true, false in _TRUTHS:
        if by_word.keys() == {true, false}:
            return {True: by_word[true], False: by_word[false]}
    return {}
