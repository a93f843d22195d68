"""The form for a person's answer: labels as buttons, a schema as fields, and never a lost word."""

import json
import re
from dataclasses import replace

import pytest

from suffice.serve.errors import BadCall
from suffice.serve.reply import Place, Verdict
from suffice.web.answer_fields import MOST_FIELDS, MOST_OPTIONS, fields_of, object_of
from tests.unit.web.made_up import EVIL, EXPLANATION, UNSURE, fake_site, made, own_page, ticket, token_of

LABELS = ("account", "delivery", "refund")
SCHEMA = {
    "type": "object",
    "properties": {
        "intent": {"enum": ["book", "cancel"]},
        "people": {"type": "integer", "minimum": 1, "description": "How many come"},
        "price": {"type": ["number", "null"]},
        "outside": {"type": "boolean"},
        "dishes": {"type": "array", "items": {"type": "string"}},
        "at": {"$ref": "#/$defs/moment"},
        "a/b~c": {"type": "string"},
        "rest": {"type": "object"},
    },
    "required": ["intent", "people", "price"],
    "$defs": {
        "moment": {
            "type": "object",
            "properties": {"day": {"type": "string"}, "hour": {"type": "integer"}},
        }
    },
}
ANSWER = {
    "intent": "book",
    "people": 3,
    "price": None,
    "outside": False,
    "dishes": ["soup", "fish"],
    "at": {"day": "Friday", "hour": 8},
    "a/b~c": "x",
    "rest": {"k": [1]},
}


def site_of(*, labels=(), schema=None):
    """Returns the made-up site whose bundle has these labels, or this schema."""
    site = fake_site()
    small = replace(site.tiers[0], labels=labels, answer_schema=schema)
    return replace(site, tiers=(small, *site.tiers[1:]))


def opened(**of):
    """Returns a reviewer's browser on the ticket, and the page."""
    explained = of.pop("explain", True)
    asked = of.pop("ticket", ticket())
    site = made(tickets=[asked], site=site_of(**of), explain=explained)
    site.log_in("reviewer")
    return site, site.client.get("/review/tkt_01")


def sent(site, page, **fields):
    """Returns what the gateway says to a form of the page."""
    form = {"token": token_of(page), **fields}
    return site.client.post("/review/tkt_01", data=form, headers=own_page())


def test_labels_are_buttons_that_send_themselves():
    """In the task's order, with the likeliest's probabilities; no word has to be typed."""
    site, page = opened(labels=LABELS)
    buttons = re.findall(r'<button name="answer" value="([^"]*)"', page.text)
    assert list(LABELS) == buttons
    assert "93.0%" in page.text  # of what the bundle says now
    assert 303 == sent(site, page, answer="delivery").status_code
    assert [("tkt_01", "delivery", "reviewer")] == site.answers


def test_what_was_not_trusted_is_shown_beside_them():
    """The tier's own answer, how sure it was, and which label that is."""
    site, page = opened(labels=LABELS)
    facts = site.client.get("/review/tkt_01.json").json()
    proposed = [one["label"] for one in facts["form"]["labels"] if one["is_proposed"]]
    assert (["refund"], "small", 0.93) == (
        proposed,
        facts["proposal"]["tier"],
        facts["proposal"]["confidence"],
    )
    assert "and was not trusted" in page.text


def test_of_many_labels_the_likeliest_come_first():
    """150 buttons are no form: the others are behind a line that opens."""
    labels = (*[f"label {n:03}" for n in range(147)], *LABELS)
    site, _ = opened(labels=labels)
    form = site.client.get("/review/tkt_01.json").json()["form"]
    assert ["refund", "delivery", "account"] == [one["label"] for one in form["labels"]]
    assert 147 == len(form["further"])
    assert "<details><summary>147 other labels" in site.client.get("/review/tkt_01").text
    assert "<details open><summary>150 labels" in opened(labels=labels, explain=False)[1].text


def test_a_bundle_that_was_passed_by_asks_for_nothing():
    """Its labels are no answer to a call that it was never given."""
    skipped = replace(UNSURE, verdict=Verdict.SKIPPED)
    site, page = opened(labels=LABELS, ticket=ticket(steps=(skipped,)))
    assert 'name="answer" value=' not in page.text
    assert "text" == site.client.get("/review/tkt_01.json").json()["form"]["kind"]


def test_labels_are_shown_as_they_are_written():
    """A label that looks like markup is text."""
    _, page = opened(labels=(EVIL, "b"))
    assert "<script>alert" not in page.text


def test_a_schema_is_a_form_of_fields_filled_in_with_the_proposal(monkeypatch):
    """What the reviewer sends is one JSON object that fits."""
    said = {**EXPLANATION["rungs"][1], "text": json.dumps(ANSWER)}
    monkeypatch.setitem(EXPLANATION, "rungs", [said])
    site, page = opened(schema=SCHEMA)
    fields = site.client.get("/review/tkt_01.json").json()["form"]["fields"]
    filled = {field["pointer"]: field["value"] for field in fields}
    assert ("book", "3", "", "false", "soup\nfish", "Friday", "8", "x", '{"k": [1]}') == tuple(
        filled.values()
    )
    assert 303 == sent(site, page, **filled).status_code
    assert ANSWER == json.loads(site.answers[0][1])


def test_what_does_not_fit_comes_back_with_every_word():
    """The field is named, and nothing that was written is lost."""
    site, page = opened(schema=SCHEMA)
    written = {"/intent": "book", "/people": "three", "/at/day": "Friday <b>"}
    again = sent(site, page, **written)
    assert 200 == again.status_code
    assert "people: &#39;three&#39; is not a whole number" in again.text
    assert 'aria-invalid="true"' in again.text
    assert "Friday &lt;b&gt;" in again.text
    assert [] == site.answers
    broken = sent(site, again, **{**written, "/people": "0"})
    assert "does not fit the schema (minimum)" in broken.text
    assert 303 == sent(site, broken, **{**written, "/people": "3"}).status_code


def test_the_clients_own_schema_comes_first():
    """Who asked said what it must be: words that do not fit are refused, a program's too."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    asked = ticket(body={**ticket().body, "response_format": form})
    site, page = opened(labels=LABELS, ticket=asked)
    assert 'name="/city"' in page.text
    assert "is not JSON" in sent(site, page, answer="Paris").text
    headers = {"authorization": "Bearer reviewer"}
    refused = site.client.post("/review/tkt_01", data={"answer": "{}"}, headers=headers)
    assert (400, "answer") == (refused.status_code, refused.json()["error"]["param"])
    assert 303 == sent(site, page, **{"/city": "Paris"}).status_code
    assert [("tkt_01", '{"city": "Paris"}', "reviewer")] == site.answers


def test_who_may_not_answer_sees_no_form_and_no_proposal():
    """Who asked looks here for the answer; the bundle is not asked again for them."""
    site = made(tickets=[ticket()], site=site_of(labels=LABELS))
    site.log_in("k1")
    facts = site.client.get("/review/tkt_01.json").json()
    assert (None, None, False) == (facts["form"], facts["proposal"], facts["can_answer"])


def test_without_labels_or_schema_there_are_words():
    """And where no tier can tell what it would have said, there is no proposal."""
    site, page = opened(explain=False)
    assert '<textarea id="answer" name="answer"' in page.text
    assert site.client.get("/review/tkt_01.json").json()["proposal"] is None


def test_after_an_answer_the_next_question_is_one_key_away():
    """Enter opens it."""
    site = made(tickets=[ticket(id="tkt_02")], site=site_of(labels=LABELS))
    site.log_in("reviewer")
    assert '<a href="/review/tkt_02" autofocus>' in site.client.get("/review?answered=tkt_01").text


def test_a_form_of_fields_makes_the_object_it_shows():
    """There and back: values, nested objects, lists, pointers with signs of their own."""
    shown = {field["pointer"]: field["value"] for field in fields_of(SCHEMA, ANSWER)}
    inner = ["/at/day", "/at/hour", "/a~1b~0c", "/rest"]
    assert ["/intent", "/people", "/price", "/outside", "/dishes", *inner] == [*shown]
    assert ANSWER == object_of(SCHEMA, shown)


@pytest.mark.parametrize(
    ("schema", "said", "made"),
    [
        ({"type": "string"}, "", {}),
        ({"type": "string"}, " a\r\nb", {"f": " a\nb"}),
        ({"type": "number"}, "1.5", {"f": 1.5}),
        ({"type": "array", "items": {"type": "integer"}}, "1\r\n\r\n2", {"f": [1, 2]}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "4", {"f": 4}),
        ({"enum": [1, 2]}, "2", {"f": 2}),
        ({}, '["x"]', {"f": ["x"]}),
    ],
)
def test_a_field_is_read_as_its_kind(schema, said, made):
    """What is left empty is left out."""
    assert made == object_of({"properties": {"f": schema}}, {"/f": said})


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "integer"}, "1.5"),
        ({"type": "number"}, "NaN"),
        ({"type": "number"}, "true"),
        ({"type": "array", "items": {"type": "number"}}, "1\nx"),
        ({"enum": ["a"]}, "b"),
        ({}, "no json"),
        ({"type": "integer"}, ""),
    ],
)
def test_what_is_not_of_its_kind_is_refused(schema, said):
    """By the field's name; what is needed may not be empty."""
    with pytest.raises(BadCall, match="f: ") as refused:
        object_of({"properties": {"f": schema}, "required": ["f"]}, {"/f": said})
    assert "/f" == refused.value.param


def test_needed_texts_and_lists_may_be_empty_and_null_is_said():
    """A text of no signs is a text; null is written for what may be null."""
    schema = {
        "properties": {
            "t": {"type": "string"},
            "l": {"type": "array", "items": {"type": "string"}},
            "n": {"type": ["integer", "null"]},
        },
        "required": ["t", "l", "n"],
    }
    assert {"t": "", "l": [], "n": None} == object_of(schema, {})


def test_a_schema_no_form_can_hold_is_answered_in_json():
    """More fields than a form has, references that go round, or no properties at all."""
    many = {"properties": {f"f{n}": {"type": "string"} for n in range(MOST_FIELDS + 1)}}
    loop = {"properties": {"a": {"$ref": "#/properties/a"}}}
    wide = {"properties": {f"f{n}": {"$ref": "#/$defs/d"} for n in range(99)}, "$defs": {"d": {}}}
    wide["$defs"]["d"] = {"type": "object", "properties": wide["properties"]}
    assert [] == fields_of(wide)
    assert ([], ["json"], []) == (fields_of(many), [one["kind"] for one in fields_of(loop)], fields_of({}))


def test_only_local_tiers_are_asked_again():
    """A question that went to a server is not sent there for the page."""
    step = replace(UNSURE, place=Place.REMOTE)
    site, _ = opened(labels=LABELS, ticket=ticket(steps=(step,)))
    assert site.client.get("/review/tkt_01.json").json()["proposal"] is None


def test_a_schema_that_yields_no_fields_is_not_gone_into():
    """Nothing but the number of fields ends the search: a million branches without one took a minute."""
    schema = {"type": "object", "properties": "none"}
    for _ in range(4):
        schema = {"type": "object", "properties": dict.fromkeys(map(str, range(40)), schema)}
    assert [] == fields_of(schema)
    assert "json" == fields_of({"properties": {"x": {"type": "object", "properties": "none"}}})[0]["kind"]


def test_a_long_list_of_choices_is_typed():
    """References may have it two hundred times on one page."""
    kinds = [
        fields_of({"properties": {"x": {"type": "integer", "enum": list(range(count))}}})[0]["kind"]
        for count in (MOST_OPTIONS, MOST_OPTIONS + 1)
    ]
    assert ["choice", "whole"] == kinds


@pytest.mark.parametrize(
    "response_format",
    [
        {"type": "text", "json_schema": {"schema": SCHEMA}},
        {"type": "json_schema", "json_schema": {"schema": {**SCHEMA, "required": 7}}},
    ],
    ids=["not asked for", "no schema"],
)
def test_a_schema_that_no_answer_is_held_against_makes_no_form(response_format):
    """A person may answer in words: the client asked for no JSON, or for none that can be."""
    body = {**ticket().body, "response_format": response_format}
    site, page = opened(ticket=ticket(body=body))
    assert 'name="/intent"' not in page.text
    said = site.client.post(
        "/review/tkt_01",
        data={"token": token_of(page), "answer": "A table for three."},
        headers=own_page(),
        follow_redirects=False,
    )
    assert 303 == said.status_code


def test_a_list_whose_items_have_lines_is_sent_as_it_was_shown():
    """It is shown as JSON, and was kept as a list of that JSON's lines."""
    schema = {"properties": {"dishes": {"type": "array", "items": {"type": "string"}}}}
    for dishes in (["soup\nof the day", "fish"], ["soup", "fish"], ["[soup"]):
        (field,) = fields_of(schema, {"dishes": dishes})
        assert {"dishes": dishes} == object_of(schema, {field["pointer"]: field["value"]})
