"""A judge as scorer: what verdicts are worth, what is asked, and what becomes of missing ones."""

import asyncio

import pytest

from suffice.errors import DataError, ModelError
from suffice.ports import Answer
from suffice.score.judge.asking import Case, Mode
from suffice.score.judge.family import families_of
from suffice.score.judge.ratings import RatedScorer, rating_of
from suffice.score.judge.scorer import Judgement, JudgeScorer

CASE = Case(request="Name a fruit.", beside="apple")


class Judge:
    """A model that says what a rule makes of each question, and counts them; an exception is a failure."""

    name, simulated = "judge", False

    def __init__(self, says):
        self._says = says
        self.asked = []

    async def answer(self, requests):
        """Returns what the rule says of each."""
        self.asked += [request.text for request in requests]
        said = [self._says(request.text) for request in requests]
        return [Answer(text=None, error=str(s)) if isinstance(s, Exception) else Answer(text=s) for s in said]

    async def close(self):
        """Holds nothing open."""


def scored(judge, answers, *, mode=Mode.GRADE, unread=0.0):
    """Returns the values of answers to the one case."""
    scorer = JudgeScorer(judge, mode=mode, unread=unread)
    scores = asyncio.run(scorer.score([CASE.as_wish()] * len(answers), answers))
    return scorer, [score.value for score in scores]


def better(text):
    """Prefers the text with "pear" in it, wherever it stands."""
    return "A" if text.index("pear") < text.index("apple\n") else "B"


def test_a_verdict_is_worth_one_or_nothing():
    """Correct is 1, incorrect 0; no answer is 0 without a question."""
    judge = Judge(lambda text: "correct" if "pear" in text else "incorrect")
    assert [1.0, 0.0, 0.0] == scored(judge, ["a pear", "a car", None])[1]
    assert 2 == len(judge.asked)


def test_a_better_answer_wins_in_both_orders():
    """Both orders are asked; the one that is preferred in both is worth 1."""
    judge = Judge(better)
    assert [1.0] == scored(judge, ["pear"], mode=Mode.COMPARE)[1]
    assert 2 == len(judge.asked)


def test_a_verdict_that_follows_the_order_is_a_tie():
    """A judge that always says A gives every pair one half."""
    scorer = JudgeScorer(Judge(lambda _: "A"), mode=Mode.COMPARE)
    (judgement,) = asyncio.run(scorer.judge([CASE], ["pear"]))
    assert Judgement(worth=0.5, verdicts=("A", "A")) == judgement
    assert judgement.is_changed


def test_one_tie_and_one_win_are_three_quarters():
    """The mean of both orders counts."""
    judge = Judge(lambda text: "tie" if better(text) == "B" else "A")
    assert [0.75] == scored(judge, ["pear"], mode=Mode.COMPARE)[1]


def test_the_same_text_is_a_tie_that_nobody_is_asked_about():
    """An answer cannot be better than itself."""
    judge = Judge(lambda _: "A")
    assert [0.5] == scored(judge, ["apple"], mode=Mode.COMPARE)[1]
    assert [] == judge.asked


def test_an_unreadable_verdict_is_counted_and_not_guessed():
    """It is worth what the scorer was told, 0 against a candidate and 1 for a reference, and quoted."""
    judge = Judge(lambda text: "correct" if "pear" in text else "hmm, 7 of 10")
    scorer, values = scored(judge, ["pear", "plum"])
    assert [1.0, 0.0] == values
    assert ["hmm, 7 of 10"] == list(scorer.unreadable.values())
    other = scorer.towards_candidates()
    scores = asyncio.run(other.score([CASE.as_wish()], ["plum"]))
    assert ([1.0], 2) == ([score.value for score in scores], len(judge.asked))
    assert other.unreadable is scorer.unreadable


def test_one_unreadable_order_leaves_no_verdict():
    """Half a comparison is none."""
    scorer = JudgeScorer(Judge(lambda text: better(text).replace("B", "?")), mode=Mode.COMPARE)
    (judgement,) = asyncio.run(scorer.judge([CASE], ["pear"]))
    assert Judgement(worth=None, verdicts=("A", None)) == judgement


def test_equal_questions_are_asked_once():
    """In one batch and over several."""
    judge = Judge(lambda _: "correct")
    scorer, _ = scored(judge, ["pear", "pear"])
    asyncio.run(scorer.score([CASE.as_wish()], ["pear"]))
    assert 1 == len(judge.asked)


def test_a_judge_that_fails_too_often_is_an_error():
    """More than two failures, and more than a twentieth, are an error that quotes one."""
    judge = Judge(lambda text: ValueError("overloaded") if "plum" in text else "correct")
    with pytest.raises(ModelError, match=r"did not answer 3 of 4 questions.*overloaded"):
        scored(judge, ["pear", "plum 1", "plum 2", "plum 3"])


def test_a_few_failures_are_missing_verdicts():
    """They are counted, worth what a missing verdict is, and not asked again by this run."""
    judge = Judge(lambda text: ValueError("odd") if "pear 39" in text else "correct")
    scorer, values = scored(judge, [f"pear {number}" for number in range(40)])
    assert [1.0] * 39 + [0.0] == values
    scores = asyncio.run(scorer.score([CASE.as_wish()], ["pear 39"]))
    assert ([0.0], 1, 40) == ([score.value for score in scores], len(scorer.failed), len(judge.asked))


@pytest.mark.parametrize(
    ("said", "worth"), [("1", 1.0), ("0.5", 0.5), ("true", 1.0), (" Wrong", 0.0), ("tie", 0.5), ("loss", 0.0)]
)
def test_human_labels_are_numbers_or_words(said, worth):
    """As people write them."""
    assert worth == rating_of(said, place="rows.jsonl, line 3")


@pytest.mark.parametrize("said", ["4", "-1", "maybe", "nan", ""])
def test_another_human_label_is_an_error(said):
    """It names the place and what is allowed."""
    with pytest.raises(DataError, match=r"line 3: the human label .* neither a number"):
        rating_of(said, place="rows.jsonl, line 3")


def test_a_human_label_belongs_to_the_text_that_was_rated():
    """Another text has none, even of the same model; no answer is worth nothing."""
    wish = {"ratings": {"pear": 1.0}}
    scores = asyncio.run(RatedScorer().score([wish, wish, wish, None], ["pear", "Pear", None, "pear"]))
    assert [1.0, None, 0.0, None] == [score.value for score in scores]


@pytest.mark.parametrize(
    ("name", "families"),
    [
        ("gpt-4o-mini", {"GPT"}),
        ("openai/gpt-2", {"GPT-2"}),
        ("EleutherAI/gpt-neo-125m", {"Pythia"}),
        ("meta-llama/Llama-3.1-8B-Instruct", {"Llama"}),
        ("TinyLlama_1.1B", {"Llama"}),
        ("mixtral-8x7b", {"Mistral"}),
        ("DeepSeek-R1-Distill-Qwen-7B", {"DeepSeek", "Qwen"}),
        ("gemini-2.0-flash", {"Gemini and Gemma"}),
        ("Phi-3-mini", {"Phi"}),
        ("o3-mini", {"GPT"}),
        ("claude-sonnet", {"Claude"}),
        ("small", set()),
        ("philosophy-model", set()),
        ("turbo3-12", set()),
    ],
)
def test_a_name_tells_its_family(name, families):
    """And only a known one; a distilled model is of both families."""
    assert families == families_of(name)
