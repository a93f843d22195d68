"""Typed questions over real HTTP, by OpenAI's client and by hand: who answers them, and what stays open."""

import asyncio

import openai
import pytest
from openai import OpenAI

from suffice.adapt.linear.fit import LinearMethod
from suffice.candidate import Candidate
from suffice.models.linear import LinearModel
from suffice.ports import TrainingRows
from tests.gateway.standing import running, upstream
from tests.unit.adapt import toy_desk
from tests.unit.serve.tiers import tiny_run

pytestmark = pytest.mark.slow

DECISIONS, SYSTEM_ONE = "/v1/decisions", "/v1/systemone"
SITE = """\
suffice: 1
home: home
models:
  desk: {{bundle: run}}
  loans: {{bundle: two}}
  high: {{tiers: [desk, big]}}
  only: {{tiers: [big]}}
  ask: {{tiers: [desk, people]}}
tiers:
  big:
    kind: upstream
    base_url: http://127.0.0.1:{port}/v1
    model: m
    usd_per_1m_input: 1000
    usd_per_1m_output: 1000
  people: {{kind: human}}
privacy: {{default: mask}}
"""
TEXT = "can you tell me about my visa card"
VAGUE = "zzz qqq"  # nothing that the bundle knows: it passes it up
REMOTE_USAGE = {"input_tokens": 40, "output_tokens": 10, "total_tokens": 50}
BIG = {
    DECISIONS: {
        "model": "big-1",
        "answers": [{"type": "predicate", "name": None, "probability": 0.25}],
        "usage": REMOTE_USAGE,
    },
    SYSTEM_ONE: {"model": "big-1", "answers": {"q": {"type": "noul", "noul": 0.5}}, "usage": REMOTE_USAGE},
}
CHOICE = {
    "type": "choice",
    "instructions": "What is it about?",
    "choices": [{"value": label, "description": label} for label in reversed(toy_desk.LABELS)],
    "name": "topic",
}
OTHER = {"type": "choice", "instructions": "?", "choices": [{"value": "a"}, {"value": "b"}]}


def two_labels(folder):
    """Returns the folder of a linear rung that says yes to loans, and no to everything else."""
    folder.mkdir()

    def rows(n, seed):
        made = zip(*toy_desk.texts(n, seed=seed), strict=True)
        return tuple(toy_desk.of(text, "yes" if label == "loan" else "no") for text, label in made)

    LinearMethod().apply(
        Candidate(name="linear", kind="linear", method="linear"),
        TrainingRows(labels=("no", "yes"), train=rows(160, 1), dev=rows(60, 2)),
        out=folder,
        teacher=None,
        seed=0,
        progress=toy_desk.hear_nothing,
    )
    return folder


@pytest.fixture(name="server", scope="module")
def server_fixture():
    """Returns a server that speaks both decision APIs."""
    with upstream() as seen:
        seen.bodies |= BIG
        yield seen


@pytest.fixture(name="rung", scope="module")
def rung_fixture(tmp_path_factory):
    """Returns the folder of the first rung."""
    return tiny_run.linear(tmp_path_factory.mktemp("rungs") / "linear")


@pytest.fixture(name="gateway", scope="module")
def gateway_fixture(server, rung, tmp_path_factory):
    """Returns a running gateway with two certified bundles and a server."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SUFFICE_HOME", str(folder / "suffice-home"))
        tiny_run.certify(tiny_run.bundle(folder / "run", {"linear": rung}))
        two = two_labels(folder / "rung-two")
        tiny_run.certify(tiny_run.bundle(folder / "two", {"linear": two}, threshold=None))
        (folder / "site.yaml").write_text(SITE.format(port=server.port))
        with running(folder / "site.yaml") as gateway:
            yield gateway


@pytest.fixture(name="key", scope="module")
def key_fixture(gateway):
    """Returns a key that may ask."""
    return gateway.new_key()[1]


@pytest.fixture(name="client", scope="module")
def client_fixture(gateway, key):
    """Returns OpenAI's client."""
    with OpenAI(base_url=f"http://127.0.0.1:{gateway.port}/v1", api_key=key, max_retries=0) as client:
        yield client


def test_a_choice_among_the_labels_has_the_certified_answer_and_all_probabilities(client, rung):
    """OpenAI's client reads it; the numbers are the model's own, in the order of the choices."""
    raw = client.decisions.with_raw_response.create(model="desk", input=TEXT, questions=[CHOICE])
    decision = raw.parse()
    said = LinearModel.load(rung).classify([TEXT]).probabilities[0].tolist()
    by_label = dict(zip(toy_desk.LABELS, said, strict=True))
    (answer,) = decision.answers
    assert ("choice", "topic", "card") == (answer.type, answer.name, answer.choice)
    assert by_label["card"] == answer.confidence
    assert list(reversed(toy_desk.LABELS)) == [one.value for one in answer.probabilities]
    assert by_label == {one.value: one.probability for one in answer.probabilities}
    assert "linear" == decision.model
    assert ("desk", "local", "false") == tuple(
        raw.headers[f"x-suffice-{name}"] for name in ("tier", "place", "escalated")
    )
    assert 64 == len(raw.headers["x-suffice-certificate"])
    assert f"{by_label['card']:.4f}" == raw.headers["x-suffice-confidence"]


def test_the_choice_is_what_a_chat_answers(gateway, key):
    """One text, asked by both APIs: the same answer under the same certificate."""
    for text in toy_desk.texts(8, seed=5)[0]:
        chat = gateway.ask(
            "/v1/chat/completions",
            {"model": "desk", "messages": [{"role": "user", "content": text}]},
            key=key,
        )
        decided = gateway.ask(DECISIONS, {"model": "desk", "input": text, "questions": [CHOICE]}, key=key)
        if chat.status == 200:
            assert chat.body["choices"][0]["message"]["content"] == decided.body["answers"][0]["choice"]
            assert chat.headers["x-suffice-certificate"] == decided.headers["x-suffice-certificate"]
        else:
            assert ["abstained", "refusal"] == [chat.code, decided.body["answers"][0]["type"]]


def test_predicates_and_scores_are_views_on_the_same_probabilities(client):
    """A predicate named as a label is its probability; a score is the mean level, from 0."""
    levels = [{"label": label} for label in toy_desk.LABELS]
    predicate = {"type": "predicate", "instructions": "Is it about a card?", "name": "card"}
    score = {"type": "score", "instructions": "?", "levels": levels}
    decision = client.decisions.create(model="desk", input=TEXT, questions=[score, predicate, CHOICE])
    scored, held, chosen = decision.answers
    shares = {one.value: one.probability for one in chosen.probabilities}
    assert shares["card"] == held.probability
    assert [(label, number) for number, label in enumerate(toy_desk.LABELS)] == [
        (one.label, one.value) for one in scored.probabilities
    ]
    wanted = sum(number * shares[label] for number, label in enumerate(toy_desk.LABELS))
    assert wanted == pytest.approx(scored.score, abs=1e-12)
    assert max(shares.values()) == scored.confidence


def test_yes_and_no_answer_predicates_of_any_name_and_choices_of_true_and_false(client):
    """Of two labels that are yes and no, yes means that it holds."""
    predicate = {"type": "predicate", "instructions": "Is it about a loan?"}
    choice = {"type": "choice", "instructions": "?", "choices": [{"value": True}, {"value": False}]}
    decision = client.decisions.create(
        model="loans", input="borrow and repay a loan", questions=[predicate, choice]
    )
    held, chosen = decision.answers
    assert held.probability > 0.5
    assert chosen.choice is True
    assert held.probability == chosen.confidence


def test_the_messages_of_a_chat_are_read_as_a_chats(gateway, key, client):
    """The last user turn's text parts; a picture is nothing a bundle reads."""
    parts = [{"type": "input_text", "text": TEXT}]
    turns = [
        {"role": "user", "content": "my loan please"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "done"},
        {"role": "user", "content": parts},
    ]
    plain = client.decisions.create(model="desk", input=TEXT, questions=[CHOICE])
    assert plain.answers == client.decisions.create(model="desk", input=turns, questions=[CHOICE]).answers
    parts.append({"type": "input_image", "image_url": "https://example.com/a.png"})
    refused = gateway.ask(DECISIONS, {"model": "desk", "input": turns, "questions": [CHOICE]}, key=key)
    assert (400, True) == (refused.status, "images" in refused.body["error"]["message"])


def test_a_question_that_is_not_the_bundles_is_refused_by_itself(gateway, key):
    """The others are answered; `suffice.why` says what the model can be asked."""
    some = [CHOICE["choices"][0], CHOICE["choices"][1]]
    more = [*CHOICE["choices"], {"value": "none of these"}]
    asked = [{**CHOICE, "choices": some}, CHOICE, {**CHOICE, "choices": more}, OTHER]
    answer = gateway.ask(DECISIONS, {"model": "desk", "input": TEXT, "questions": asked}, key=key)
    assert ["refusal", "choice", "refusal", "refusal"] == [one["type"] for one in answer.body["answers"]]
    assert ["topic", "topic", "topic", None] == [one["name"] for one in answer.body["answers"]]
    assert "question 0, 2, 3 is none for this model" in answer.body["suffice"]["why"]
    assert "'card', 'loan', 'rate', 'travel'" in answer.body["suffice"]["why"]


def test_what_the_bundle_cannot_answer_goes_up_to_a_server_of_the_same_api(gateway, key, server):
    """With the server's model and all questions; price and usage are its own, and the headers say so."""
    before = len(server.received)
    answer = gateway.ask(DECISIONS, {"model": "high", "input": TEXT, "questions": [CHOICE, OTHER]}, key=key)
    assert BIG[DECISIONS]["answers"] == answer.body["answers"]
    assert ("big", "true") == (answer.headers["x-suffice-tier"], answer.headers["x-suffice-escalated"])
    ((_, sent),) = server.received[before:]
    assert ("m", 2) == (sent["model"], len(sent["questions"]))
    again = gateway.ask(
        SYSTEM_ONE,
        {"model": "only", "state": {"a": 1}, "questions": {"q": {"type": "noul", "instructions": "?"}}},
        key=key,
    )
    assert BIG[SYSTEM_ONE]["answers"] == again.body["answers"]


def test_a_text_the_bundle_does_not_trust_itself_with(gateway, key):
    """Goes up; where nobody is above, every question is refused, and the call is an event of its own."""
    asked = {"input": VAGUE, "questions": [CHOICE, CHOICE]}
    up = gateway.ask(DECISIONS, {**asked, "model": "high"}, key=key)
    assert ("big", "true") == (up.headers["x-suffice-tier"], up.headers["x-suffice-escalated"])
    alone = gateway.ask(DECISIONS, {**asked, "model": "desk"}, key=key)
    assert (200, ["refusal", "refusal"]) == (alone.status, [one["type"] for one in alone.body["answers"]])
    assert alone.body["suffice"]["escalated"]
    people = gateway.ask(DECISIONS, {**asked, "model": "ask"}, key=key)
    assert (200, "refusal") == (people.status, people.body["answers"][0]["type"])
    system_one = gateway.ask(SYSTEM_ONE, _state(VAGUE), key=key)
    assert (502, "abstained") == (system_one.status, system_one.code)


def test_one_request_is_one_event_whatever_it_asks(gateway, key):
    """Several questions: one event, with the operation's name and the answer's tier."""
    answer = gateway.ask(
        DECISIONS, {"model": "desk", "input": TEXT, "questions": [CHOICE, CHOICE, OTHER]}, key=key
    )
    wanted = answer.headers["x-request-id"]

    async def event():
        for _ in range(200):
            found = await gateway.standing.records.store.readings.event(None, wanted)
            if found is not None:
                return found.event
            await asyncio.sleep(0.02)
        return None

    event = gateway.do(event())
    assert ("decision", "desk", 200) == (event.operation, event.tier, event.status)


def _state(state, **questions):
    asked = questions or {
        "topic": {"type": "choice", "instructions": "?", "criteria": dict.fromkeys(toy_desk.LABELS, "")}
    }
    return {"model": "desk", "state": state, "questions": asked}


def test_system_one(gateway, key):
    """The same probabilities by the questions' names, with numbers and a legend for levels."""
    answer = gateway.ask(
        SYSTEM_ONE,
        _state(
            TEXT,
            topic={
                "type": "choice",
                "instructions": "?",
                "criteria": dict.fromkeys(toy_desk.LABELS),
            },
            card={"type": "noul", "instructions": "?", "criteria": {"true": "a card", "false": "none"}},
            level={"type": "score", "instructions": "?", "criteria": list(toy_desk.LABELS)},
        ),
        key=key,
    )
    topic, card, level = (answer.body["answers"][name] for name in ("topic", "card", "level"))
    assert ("choice", "card") == (topic["type"], topic["choice"])
    assert set(toy_desk.LABELS) == set(topic["probabilities"])
    assert {"type": "noul", "noul": topic["probabilities"]["card"]} == card
    assert dict(enumerate(toy_desk.LABELS)) == {int(n): label for n, label in level["legend"].items()}
    assert {"input_tokens": None, "output_tokens": None} == answer.body["usage"]
    assert "desk" == answer.headers["x-suffice-tier"]


def test_system_one_says_what_the_model_can_be_asked(gateway, key):
    """It has no word for a question that stays open: a 400 names the labels, whatever the text is."""
    other = {"type": "choice", "instructions": "?", "criteria": {"a": "", "b": ""}}
    for text in (TEXT, VAGUE):
        answer = gateway.ask(SYSTEM_ONE, _state(text, other=other, card=_noul()), key=key)
        assert (400, "question_not_answerable") == (answer.status, answer.code)
        assert "questions.other" == answer.body["error"]["param"]
        assert "'card', 'loan', 'rate', 'travel'" in answer.body["error"]["message"]


def _noul():
    return {"type": "noul", "instructions": "?"}


def test_states_that_are_no_texts_are_for_servers(gateway, key):
    """A chat is read as one; of an object nobody knows what the bundle's text would be."""
    chat = gateway.ask(SYSTEM_ONE, _state([{"role": "user", "content": TEXT}], card=_noul()), key=key)
    plain = gateway.ask(SYSTEM_ONE, _state(TEXT, card=_noul()), key=key)
    assert plain.body["answers"] == chat.body["answers"]
    for state in ({"message": TEXT}, [1, 2], []):
        refused = gateway.ask(SYSTEM_ONE, _state(state, card=_noul()), key=key)
        assert (400, True) == (refused.status, "an input that is a text" in refused.body["error"]["message"])


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": None}, "input"),
        ({"input": 7}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"input": [{"type": "spell"}]}, "input[0].type"),
        ({"questions": None}, "questions"),
        ({"questions": []}, "questions"),
        ({"questions": [CHOICE] * 401}, "questions"),
        ({"questions": [{"type": "noul", "instructions": "?"}]}, "questions[0].type"),
        ({"questions": [{"type": ["choice"], "instructions": "?"}]}, "questions[0].type"),
        ({"questions": [{"type": "predicate"}]}, "questions[0].instructions"),
        ({"questions": [{**CHOICE, "name": 3}]}, "questions[0].name"),
        ({"questions": [{**CHOICE, "choices": CHOICE["choices"][:1]}]}, "questions[0].choices"),
        (
            {"questions": [{**CHOICE, "choices": [{"value": str(n)} for n in range(256)]}]},
            "questions[0].choices",
        ),
        ({"questions": [{**CHOICE, "choices": [{"value": "a"}, {"value": "a"}]}]}, "questions[0].choices"),
        (
            {"questions": [{**CHOICE, "choices": [{"value": 1}, {"value": "a"}]}]},
            "questions[0].choices[0].value",
        ),
        ({"questions": [{"type": "score", "instructions": "?"}]}, "questions[0].levels"),
        ({"model": None}, "model"),
    ],
)
def test_bodies_that_cannot_be_used(gateway, key, change, param):
    """A 400 names the field."""
    body = {"model": "desk", "input": TEXT, "questions": [CHOICE], **change}
    answer = gateway.ask(DECISIONS, body, key=key)
    assert (400, param) == (answer.status, answer.body["error"]["param"])


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"state": None}, "state"),
        ({"state": True}, "state"),
        ({"questions": []}, "questions"),
        ({"questions": {}}, "questions"),
        ({"questions": {"q": 1}}, "questions.q"),
        ({"questions": {"q": {"type": "predicate", "instructions": "?"}}}, "questions.q.type"),
        (
            {"questions": {"q": {"type": "choice", "instructions": "?", "criteria": {}}}},
            "questions.q.criteria",
        ),
        (
            {"questions": {"q": {"type": "score", "instructions": "?", "criteria": ["x"] * 11}}},
            "questions.q.criteria",
        ),
        (
            {"questions": {"q": {"type": "score", "instructions": "?", "criteria": ["x", "x"]}}},
            "questions.q.criteria",
        ),
    ],
)
def test_states_and_questions_that_cannot_be_used(gateway, key, change, param):
    """A 400 names the field."""
    answer = gateway.ask(SYSTEM_ONE, {**_state(TEXT), **change}, key=key)
    assert (400, param) == (answer.status, answer.body["error"]["param"])


def test_private_data_are_masked_for_a_server_and_put_back(gateway, key, server):
    """Also in the questions: nothing of the call goes out as it is."""
    before = len(server.received)
    server.bodies[DECISIONS] = {
        "model": "big-1",
        "answers": [{"type": "choice", "name": "who", "choice": "[EMAIL_1]", "confidence": 1.0}],
    }
    who = {"type": "choice", "instructions": "Who?", "name": "who"}
    who["choices"] = [{"value": "ann@example.com"}, {"value": "somebody else"}]
    answer = gateway.ask(
        DECISIONS, {"model": "only", "input": "ask ann@example.com", "questions": [who]}, key=key
    )
    server.bodies[DECISIONS] = BIG[DECISIONS]
    ((_, sent),) = server.received[before:]
    assert "ann@example.com" not in str(sent)
    assert "[EMAIL_1]" in str(sent)
    assert "ann@example.com" == answer.body["answers"][0]["choice"]


def test_names_that_were_masked_come_back_too(gateway, key, server):
    """System One's answers stand under the questions' names, and a client looks them up by its own."""
    said = {"type": "choice", "choice": "b", "probabilities": {"[EMAIL_1]": 0.1, "b": 0.9}}
    server.bodies[SYSTEM_ONE] = {"model": "big-1", "answers": {"[EMAIL_1]": said}}
    asked = {"type": "choice", "instructions": "?", "criteria": {"ann@example.com": "", "b": ""}}
    body = {"model": "only", "state": "who?", "questions": {"ann@example.com": asked}}
    answer = gateway.ask(SYSTEM_ONE, body, key=key)
    server.bodies[SYSTEM_ONE] = BIG[SYSTEM_ONE]
    assert 0.1 == answer.body["answers"]["ann@example.com"]["probabilities"]["ann@example.com"]


def test_the_client_raises_what_it_should(client):
    """An unknown model is a 404 in OpenAI's client."""
    with pytest.raises(openai.NotFoundError):
        client.decisions.create(model="nobody", input=TEXT, questions=[CHOICE])
