"""The fixed parts of answers become tokens."""

from suffice.adapt.decoder.scratch.fragments import fragments, pieces
from suffice.models.prompt import Prompt
from tests.unit.adapt.decoder import toy_frames

_PROMPT = Prompt(schema=toy_frames.SCHEMA)


def test_pieces_are_cut_at_values_and_at_the_keys_of_open_values():
    """Fixed parts on one side, quoted values on the other; joined they are the answer."""
    target = {"act": "pay", "slots": {"who": 'An"n', "what": "rent"}}
    found = pieces(target, _PROMPT)
    assert [
        ('{"act":"pay","slots":{', False),
        ('"who":"', False),
        ('An\\"n', True),
        ('","what":"', False),
        ("rent", True),
        ('"}}', False),
    ] == found
    assert _PROMPT.answer_text(target) == "".join(text for text, _ in found)


def test_numbers_lists_and_nothing_are_told_apart():
    """A number is open, true, false and null are not; each item of a list is open for itself."""
    target = {"n": 12, "b": True, "l": ["x", "y"], "e": {}, "z": None}
    found = pieces(target, Prompt(schema={}))
    assert ["12", "x", "y"] == [text for text, is_open in found if is_open]
    assert '{"n":12,"b":true,"l":["x","y"],"e":{},"z":null}' == "".join(text for text, _ in found)


def test_frequent_fixed_parts_are_found_most_frequent_first():
    """Every answer ends alike; open values are never among them."""
    samples = toy_frames.samples(60, seed=1)
    found = fragments([one.target for one in samples], [one.text for one in samples], prompt=_PROMPT)
    assert {'"}}', '"who":"', '","what":"', '{"act":"pay","slots":{', '{"act":"remind","slots":{'} == set(
        found
    )
    assert {'"}}', '"who":"', '","what":"'} == set(found[:3])


def test_a_label_that_documents_contain_is_no_token():
    """A label met in a document would change how the document is read."""
    labels = ["pay_bill"] * 3 + ["bill"] * 3 + ["rare_one"]
    assert ("pay_bill",) == fragments(labels, ["my bill", "the rent"], prompt=Prompt())
