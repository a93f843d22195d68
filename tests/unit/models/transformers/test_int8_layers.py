"""Layers in 8-bit integers say what their float layers say, nearly, whatever stands beside a token."""

import pytest

pytest.importorskip("torch")

import torch

from suffice.models.transformers.int8_layers import Int8Embedding, Int8Linear, levels_of, replace

pytestmark = pytest.mark.train


def _linear(inputs: int = 172, outputs: int = 33, *, bias: bool = False):
    torch.manual_seed(0)
    return torch.nn.Linear(inputs, outputs, bias=bias)


def test_levels_turn_back_to_within_half_a_step():
    """Each row has its own scale: its largest magnitude over 127."""
    values = torch.randn(5, 40, generator=torch.Generator().manual_seed(1)) * torch.tensor(
        [[1e-3], [1], [1], [9], [99]]
    )
    levels, scales = levels_of(values)
    assert torch.int8 == levels.dtype
    assert [127] * 5 == levels.abs().amax(dim=1).tolist()
    assert bool(((levels * scales - values).abs() <= scales / 2 * 1.001).all())


def test_a_row_of_zeros_stays_zero():
    """Nothing is divided by zero."""
    levels, scales = levels_of(torch.zeros(2, 8))
    assert 0 == int(levels.abs().sum())
    assert bool((scales > 0).all())


@pytest.mark.parametrize("bias", [False, True])
def test_a_layer_says_nearly_what_its_floats_say(*, bias: bool):
    """About one part in a hundred, as two roundings of seven bits give; also where widths are odd."""
    plain = _linear(bias=bias)
    values = torch.randn(2, 7, 172, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        wanted, said = plain(values), Int8Linear.of(plain)(values)
    assert wanted.shape == said.shape
    assert 1e-4 < float((said - wanted).norm() / wanted.norm()) < 0.015


def test_a_token_is_answered_alike_in_any_company():
    """Integers add up exactly: alone, and among others with far larger values, the bits are the same."""
    layer = Int8Linear.of(_linear(64, 48))
    values = torch.randn(9, 64, generator=torch.Generator().manual_seed(3))
    loud = torch.cat([values, 1000 * values])
    with torch.inference_mode():
        together = layer(loud)[:9]
        alone = torch.cat([layer(row[None]) for row in values])
    assert torch.equal(alone, together)


def test_a_value_that_is_no_number_is_not_hidden():
    """NaN in, NaN out."""
    values = torch.zeros(1, 64)
    values[0, 3] = float("nan")
    with torch.inference_mode():
        assert bool(Int8Linear.of(_linear(64, 8))(values).isnan().all())


def test_tables_look_up_their_own_rows():
    """A token's vector is its integers times its scale."""
    torch.manual_seed(4)
    table = torch.nn.Embedding(20, 16)
    small = Int8Embedding.of(table)
    tokens = torch.tensor([[3, 19], [0, 3]])
    torch.testing.assert_close(table(tokens), small(tokens), atol=0.02, rtol=0)
    assert (2, 2, 16) == tuple(small(tokens).shape)


def test_only_plain_linear_layers_and_tables_are_replaced():
    """A layer of another class keeps its floats: nothing is known of what it does with them."""

    class Scaled(torch.nn.Embedding):
        pass

    model = torch.nn.Sequential(
        Scaled(4, 8), torch.nn.Sequential(torch.nn.Linear(8, 8)), torch.nn.LayerNorm(8)
    )
    replace(model)
    assert ["Scaled", "Int8Linear", "LayerNorm"] == [
        type(layer).__name__ for layer in (model[0], model[1][0], model[2])
    ]
