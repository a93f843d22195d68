"""The labels' tree: each label is read as far as it must be, shared beginnings once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.errors import SpecError
from suffice.models.decode.label_trie import Node, label_trie

END = 99


def ways(node: Node, path: tuple[int, ...] = ()) -> dict[int, tuple[int, ...]]:
    """Returns the tokens that are read for each label."""
    path = (*path, *node.edge)
    own = {} if node.label is None else {node.label: path}
    return own | {index: way for child in node.children for index, way in ways(child, path).items()}


def tree(answers: list[list[int]], reading: str, end: int = END) -> Node:
    """Returns the tree of labels named by their positions."""
    return label_trie(answers, labels=[str(i) for i in range(len(answers))], end=end, reading=reading)


def test_labels_with_different_first_tokens_need_one_token_each():
    """Then the document's own pass says it all."""
    root = tree([[1, 2, 3], [2, 2], [3]], "differ")
    assert {0: (1,), 1: (2,), 2: (3,)} == ways(root)


def test_a_label_that_begins_another_is_told_apart_by_its_end():
    """The labels card and "card lost" differ where the one ends."""
    assert {0: (1, END), 1: (1, 2)} == ways(tree([[1], [1, 2, 3]], "differ"))


@given(
    st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=5), min_size=1, max_size=12, unique_by=tuple)
)
def test_each_label_is_read_to_where_no_other_goes(answers: list[list[int]]):
    """What is read of a label begins no other label, and one token less would."""
    whole = [(*answer, END) for answer in answers]
    assert dict(enumerate(whole)) == ways(tree(answers, "whole"))
    read = ways(tree(answers, "differ"))
    for index, way in read.items():
        assert whole[index][: len(way)] == way
        rivals = [other for place, other in enumerate(whole) if place != index]
        assert not any(other[: len(way)] == way for other in rivals)
        shorter = way[:-1]
        assert len(shorter) == 0 or any(other[: len(shorter)] == shorter for other in rivals)


def test_labels_that_cannot_be_told_apart_are_refused():
    """The same tokens, no tokens, or no end token where it is needed."""
    with pytest.raises(SpecError, match="'0' and '1' have the same tokens"):
        tree([[1, 2], [1, 2]], "differ")
    with pytest.raises(SpecError, match="'1' has no tokens"):
        tree([[1], []], "differ")
    with pytest.raises(SpecError, match="no end token"):
        tree([[1], [1, 2]], "differ", end=-1)
    assert {0: (1,), 1: (2,)} == ways(tree([[1, 3], [2, 3]], "differ", end=-1))
