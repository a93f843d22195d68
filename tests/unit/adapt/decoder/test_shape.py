"""One dial sets a decoder's size."""

import pytest

from suffice.adapt.decoder.scratch.shape import HEAD_WIDTH, Shape
from suffice.errors import SpecError


@pytest.mark.parametrize(("depth", "millions"), [(2, 0.3), (4, 1.0), (6, 3.0), (8, 10.4)])
def test_depth_gives_the_promised_number_of_parameters(depth: int, millions: float):
    """0.3, 1, 3 and 10 million, with the vocabulary that suits the depth."""
    shape = Shape(depth=depth)
    assert millions == pytest.approx(shape.parameters(shape.most_tokens) / 1e6, rel=0.03)


@pytest.mark.parametrize("depth", [2, 4, 6, 8, 10])
def test_sizes_fit_heads_groups_and_quantised_blocks(depth: int):
    """Query heads are a multiple of key heads, and every row is a multiple of 32."""
    shape = Shape(depth=depth)
    assert 0 == shape.heads % shape.key_heads
    assert shape.key_heads < shape.heads
    assert (0, 0) == (shape.width % HEAD_WIDTH, shape.inner_width % HEAD_WIDTH)


def test_another_depth_is_refused_with_those_there_are():
    """The error lists the depths."""
    with pytest.raises(SpecError, match="depth 3 is not offered; there are 2, 4, 6, 8, 10"):
        Shape(depth=3)
