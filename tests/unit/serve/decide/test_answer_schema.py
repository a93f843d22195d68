"""Answers are held against the client's schema, and no schema can hold the gateway up."""

import json

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suffice.serve.decide.answer_schema import AnswerSchemas
from suffice.serve.errors import BadCall

TICKET = {
    "type": "object",
    "properties": {"topic": {"enum": ["billing", "refund"]}, "urgent": {"type": "boolean"}},
    "required": ["topic"],
    "additionalProperties": False,
}


def misfit(schema, text):
    """Returns why a text does not fit."""
    return AnswerSchemas().of(schema).misfit(text)


@pytest.mark.parametrize(
    ("schema", "text", "why"),
    [
        (TICKET, '{"topic": "billing"}', None),
        (TICKET, '{"topic": "other"}', "enum"),
        (TICKET, '{"urgent": true}', "required"),
        (TICKET, '{"topic": "refund", "x": 1}', "additionalProperties"),
        (TICKET, '```json\n{"topic": "billing"}\n```', "the answer is not JSON"),
        (TICKET, '{"topic": "bil', "the answer is not JSON"),
        (TICKET, "", "the answer is not JSON"),
        (TICKET, "\ud800", "the answer is not JSON"),
        ({}, "{}", None),
        ({}, "[]", "type"),
        ({}, '{"a": NaN}', "the answer is not JSON"),
        ({"type": "array", "uniqueItems": True}, "[1, 1.0]", "uniqueItems"),
        ({"type": "array", "uniqueItems": True}, '[{"a": 1, "b": 2}, {"b": 2, "a": 1}]', "uniqueItems"),
        ({"type": "array", "uniqueItems": True}, '[1, true, "1", null]', None),
        ({"pattern": "^[A-Z]{2}$"}, '"DE"', None),
        ({"pattern": "^[A-Z]{2}$"}, '"DEU"', "pattern"),
        ({"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": False}, '{"x": 1}', None),
        ({"patternProperties": {"^x": {"type": "integer"}}}, '{"x1": "a"}', "type"),
        ({"patternProperties": {"^x": {}}, "additionalProperties": {"type": "null"}}, '{"y": 1}', "type"),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "null"}}}, "1", "type"),
        ({"$ref": "#n", "$defs": {"x": {"$anchor": "n", "type": "null"}}}, "null", None),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://x.example/s", **TICKET},
         '{"topic": "billing"}', None),
    ],
)  # fmt: skip
def test_fits_and_misfits(schema, text, why):
    """The reason names the keyword, and nothing of the answer."""
    found = misfit(schema, text)
    if why is None:
        assert found is None
    else:
        assert found in (why, f"the answer does not fit the schema ({why})")


def test_a_tree_that_refers_to_itself_is_held_against_the_answer():
    """Recursion in a schema is fine where it ends in the answer."""
    tree = {"type": "object", "properties": {"next": {"$ref": "#"}}, "additionalProperties": False}
    assert misfit(tree, '{"next": {"next": {}}}') is None
    assert "additionalProperties" in misfit(tree, '{"next": {"other": {}}}')


REFUSED = {
    "remote_reference": ({"$ref": "http://127.0.0.1:1/s.json"}, "leads to no schema within"),
    "file_reference": ({"$ref": "file:///etc/passwd"}, "leads to no schema within"),
    "dangling": ({"$ref": "#/$defs/none"}, "leads to no schema within"),
    "reference_to_a_value": ({"enum": [{"type": 5}], "$ref": "#/enum/0"}, "leads to no schema within"),
    "dynamic": ({"properties": {"a": {"$dynamicRef": "#x"}}}, "is not supported"),
    "inner_id": ({"properties": {"a": {"$id": "http://x.example/"}}}, "is not supported"),
    "unevaluated": ({"unevaluatedProperties": False, "$ref": "#"}, "is not supported"),
    "type": ({"type": "thing"}, "#/type has a value"),
    "inner_type": ({"properties": {"a": {"type": 5}}}, "#/properties/a/type has a value"),
    "properties": ({"properties": []}, "no object of schemas"),
    "items": ({"items": [{}]}, "#/items is no schema"),
    "any_of": ({"anyOf": []}, "no list of schemas"),
    "required": ({"required": "a"}, "#/required has a value"),
    "multiple_of": ({"multipleOf": 0}, "#/multipleOf has a value"),
    "look_ahead": ({"pattern": "(?=a)b"}, "looks around"),
    "back_reference": ({"pattern": r"(a)\1"}, "looks around"),
    "long_pattern": ({"pattern": "a" * 300}, "longer than 256"),
    "large_pattern": ({"pattern": "((a{500}){500}){500}"}, "repeat too much"),
    "large_patterns": ({"anyOf": [{"pattern": r"\w{50}" + "a" * n} for n in range(9)]}, "repeat too much"),
    "many_patterns": ({"patternProperties": {f"a{n}": {} for n in range(40)}}, "patterns are too many"),
    "large": ({"enum": ["x" * 70_000]}, "more than 65,536"),
    "many": ({"anyOf": [{}] * 6000}, "more than 5,000 schemas"),
}


@pytest.mark.parametrize(("schema", "why"), REFUSED.values(), ids=REFUSED)
def test_a_schema_that_cannot_be_used_is_the_callers_mistake(schema, why):
    """It is told before any tier is asked, with the parameter's name."""
    with pytest.raises(BadCall) as caught:
        AnswerSchemas().of(schema)
    assert why in caught.value.message
    assert "response_format" == caught.value.param


@pytest.mark.parametrize("depth", [40, 300])
def test_deep_schemas_are_refused(depth):
    """Neither the writer's nor our own depth is passed."""
    schema = {}
    for _ in range(depth):
        schema = {"not": schema}
    with pytest.raises(BadCall, match="nested"):
        AnswerSchemas().of(schema)


def doubling(levels):
    """Returns a schema of a few hundred bytes that asks for 2^levels looks."""
    parts = {f"a{n}": {"anyOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/a0", "$defs": {**parts, f"a{levels}": False}}


ENDLESS = {
    "doubling": (doubling(30), "{}"),
    "round_and_round": ({"$ref": "#"}, "{}"),
    "not_not": ({"not": {"$ref": "#"}}, "{}"),
    "if_if": ({"if": {"$ref": "#"}, "then": {"$ref": "#"}}, "{}"),
    "one_of_itself": ({"oneOf": [{"not": {"anyOf": [{"allOf": [{"$ref": "#"}]}]}}]}, "{}"),
    "a_circle": ({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}, "{}"),
    "long_lists": ({"items": {"enum": list(range(5000))}}, json.dumps([4999] * 8000)),
}


@pytest.mark.parametrize(("schema", "text"), ENDLESS.values(), ids=ENDLESS)
def test_a_schema_that_takes_for_ever_ends(schema, text):
    """It is the caller's mistake, told in bounded time."""
    with pytest.raises(BadCall, match="takes too long to check"):
        misfit(schema, text)


@pytest.mark.parametrize("depth", [0, 50, 200, 350])
def test_the_stack_is_never_used_up(depth):
    """However deep the caller stands: the end of Python's stack within the library is a crash."""

    def deeper(left):
        return (
            deeper(left - 1)
            if left
            else misfit({"not": {"anyOf": [{"items": {"$ref": "#"}}]}}, "[" * 99 + "]" * 99)
        )

    with pytest.raises(BadCall, match="takes too long to check"):
        deeper(depth)


@pytest.mark.parametrize("answer", ["[" * 900 + "]" * 900, "[" + "[]," * 60_000 + "[]]", "[" * 400_000])
def test_an_answer_that_is_too_deep_or_too_wide_is_a_misfit(answer):
    """Whoever makes a model repeat it stops the gateway neither by its stack nor by its clock."""
    assert "the answer has" in misfit({"uniqueItems": True}, answer)


def test_patterns_do_not_backtrack():
    """What takes Python's engine for ever is nothing."""
    assert "pattern" in misfit({"pattern": "^(a+)+$"}, json.dumps("a" * 50_000 + "!"))


def test_numbers_out_of_range_are_a_misfit():
    """No arithmetic error gets out."""
    assert misfit({"multipleOf": 1e-300}, "1e300") in {
        None,
        "the answer does not fit the schema (a number out of range)",
        "the answer does not fit the schema (multipleOf)",
    }


def test_schemas_are_compiled_once_and_forgotten():
    """The same schema, however its keys are ordered; only so many are held."""
    schemas = AnswerSchemas(remembered=2)
    first = schemas.of({"type": "object", "required": ["a"]})
    assert first is schemas.of({"required": ["a"], "type": "object"})
    schemas.of({"required": ["b"]})
    schemas.of({"required": ["c"]})
    assert first is not schemas.of({"type": "object", "required": ["a"]})


def test_a_compiled_schema_is_its_own():
    """Changing the client's object later changes no compiled schema."""
    schemas, schema = AnswerSchemas(), {"required": ["a"]}
    compiled = schemas.of(schema)
    schema["required"].append("b")
    assert compiled.misfit('{"a": 1}') is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b1"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "x1"]), inner, max_size=3)
    ),
    max_leaves=8,
)
LEAVES = st.sampled_from(
    [
        {},
        {"type": "integer"},
        {"type": ["string", "null"]},
        {"enum": [1, "a", None, [1]]},
        {"const": {"a": 1}},
        {"minimum": 0},
        {"maxLength": 1},
        {"pattern": "^[a-z]$"},
        {"uniqueItems": True},
        {"required": ["a"]},
        {"maxItems": 1},
        {"minProperties": 2},
    ]
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda s: {"items": s}),
        inner.map(lambda s: {"not": s}),
        inner.map(lambda s: {"additionalProperties": s, "properties": {"a": s}}),
        inner.map(lambda s: {"patternProperties": {"^x": s}, "additionalProperties": False}),
        st.lists(inner, min_size=1, max_size=3).map(lambda s: {"anyOf": s}),
        st.lists(inner, min_size=1, max_size=3).map(lambda s: {"oneOf": s}),
        st.lists(inner, min_size=1, max_size=3).map(lambda s: {"allOf": s}),
        inner.map(lambda s: {"$ref": "#/$defs/d", "$defs": {"d": s}}),
    ),
    max_leaves=4,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCHEMAS, VALUES)
def test_the_verdict_is_that_of_the_standards_validator(schema, value):
    """Bounds and replaced keywords change no verdict."""
    schema = {"items": schema}  # references are then within, and {} keeps its plain meaning
    schema = json.loads(json.dumps(schema).replace("#/$defs/d", "#/items/$defs/d"))
    try:
        found = misfit(schema, json.dumps([value]))
    except BadCall:
        return  # a reference deeper within leads to no schema from the root
    expected = jsonschema.Draft202012Validator(schema).is_valid([value])
    assert expected == (found is None)
