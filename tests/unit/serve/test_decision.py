"""Which questions a classifier's labels answer, and what its probabilities say to them."""

import pytest

from suffice.ports import Answer, Request
from suffice.serve.call import Call, Caller, Operation
from suffice.serve.decision import Question, QuestionKind, Questions
from suffice.serve.reply import Place, Reply
from suffice.serve.wire import decisions, systemone
from suffice.serve.wire.decided import decided

TOPICS = ("billing", "card", "loan")
HELD, NOT = True, False
PREDICATE, CHOICE, SCORE = QuestionKind.PREDICATE, QuestionKind.CHOICE, QuestionKind.SCORE


def question(kind, *options, name=None):
    """Returns a question."""
    return Question(kind=kind, name=name, options=options)


@pytest.mark.parametrize(
    ("asked", "known", "expected"),
    [
        (question(CHOICE, "loan", "card", "billing"), TOPICS, ("loan", "card", "billing")),
        (question(CHOICE, "loan", "card"), TOPICS, ()),
        (question(CHOICE, "loan", "card", "billing", "other"), TOPICS, ()),
        (question(CHOICE, "loan", "card", "Billing"), TOPICS, ()),
        (question(CHOICE, HELD, NOT), ("No", "Yes"), ("Yes", "No")),
        (question(CHOICE, NOT, HELD), ("false", "true"), ("false", "true")),
        (question(CHOICE, HELD, NOT), ("good", "bad"), ()),
        (question(CHOICE, HELD, "no"), ("no", "yes"), ("yes", "no")),
        (question(CHOICE, HELD, "yes"), ("no", "yes"), ()),
        (question(SCORE, "1", "0"), ("0", "1"), ("1", "0")),
        (question(SCORE, "low", "high"), ("low", "mid", "high"), ()),
        (question(PREDICATE, name="card"), TOPICS, ("card",)),
        (question(PREDICATE, name="anything"), TOPICS, ()),
        (question(PREDICATE), TOPICS, ()),
        (question(PREDICATE), ("0", "1"), ("1",)),
        (question(PREDICATE, name="is it"), ("no", "yes"), ("yes",)),
        (question(PREDICATE, name="no"), ("no", "yes"), ("no",)),
        (question(PREDICATE), (), ()),
        (question(CHOICE), (), ()),
    ],
)
def test_which_labels_a_question_is_answered_with(asked, known, expected):
    """All labels and no other for a choice and a score; one for a predicate."""
    assert expected == asked.labels(known)


def test_what_cannot_be_answered_is_said():
    """With the numbers of the questions, and what could be asked instead."""
    some = Questions(asked=(question(PREDICATE, name="card"), question(CHOICE, "a", "b")))
    assert "question 1 is none" in some.misfit(TOPICS)
    assert "3 labels ('billing', 'card', 'loan')" in some.misfit(TOPICS)
    assert "" == Questions(asked=some.asked[:1]).misfit(TOPICS)
    assert [False, True] == [
        Questions(asked=some.asked, must_all=must).is_hopeless(TOPICS) for must in (False, True)
    ]
    many = [str(number) for number in range(60)]
    assert "and 40 more" in some.misfit(many)


def said(*questions, text, shares, operation=Operation.DECISION):
    """Returns a call with questions, and the reply of a local model to it."""
    call = Call(
        id="c",
        operation=operation,
        model="m",
        route="m",
        caller=Caller(key_id="k"),
        body={},
        request=Request(text="x"),
        questions=Questions(asked=questions),
    )
    answer = Answer(text=text, confidence=0.5, probabilities=tuple(shares.items()))
    return call, Reply(tier="t", place=Place.LOCAL, model="rung", text=text, answer=answer)


def test_the_choice_is_the_answer_also_where_it_is_not_the_likeliest():
    """A rung that raises an alarm early names what it names; the confidence is that label's probability."""
    call, reply = said(question(CHOICE, "no", "alarm"), text="alarm", shares={"alarm": 0.2, "no": 0.8})
    ((_, one),) = decided(call, reply)
    assert ("alarm", 0.2, (0.8, 0.2)) == (one.choice, one.confidence, one.probabilities)


def test_an_answer_that_is_none_of_the_labels_answers_no_choice():
    """What its probabilities say would then be another answer than the certified one."""
    call, reply = said(question(CHOICE, "a", "b"), text="c", shares={"a": 0.2, "b": 0.8})
    assert [{"type": "refusal", "name": None}] == decisions.whole(call, reply, 0)["answers"]


def test_a_score_is_the_mean_level_by_the_questions_order():
    """Levels are numbered from 0; the other way round it is another score."""
    shares = {"high": 0.25, "low": 0.75}
    for levels, expected in ((("low", "high"), 0.25), (("high", "low"), 0.75)):
        call, reply = said(question(SCORE, *levels), text="low", shares=shares)
        ((_, one),) = decided(call, reply)
        assert (expected, 0.75) == (one.choice, one.confidence)


def test_a_model_without_probabilities_answers_nothing():
    """Neither a decision nor a System One request, though it has an answer."""
    call, reply = said(question(PREDICATE, name="a"), text="a", shares={})
    assert ["refusal"] == [one["type"] for one in decisions.whole(call, reply, 0)["answers"]]
    with pytest.raises(Exception, match="cannot answer") as raised:
        systemone.whole(call, reply, 0)
    assert (400, "questions.a") == (raised.value.status, raised.value.param)
