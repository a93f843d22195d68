"""The types of tensors follow llama.cpp's mixtures."""

import pytest

from suffice.adapt.decoder.gguf_files import mixture
from suffice.adapt.decoder.gguf_files.mixture import Shape

_ARCHITECTURE = Shape(layers=32)


@pytest.mark.parametrize(
    ("name", "dimensions", "expected"),
    [
        ("blk.0.attn_q.weight", (256, 256), True),
        ("blk.0.ffn_down_exps.weight", (256, 512, 8), True),
        ("blk.0.attn_q.bias", (256,), False),
        ("blk.0.attn_norm.weight", (256,), False),
        ("blk.0.ffn_gate_inp.weight", (256, 8), False),
        ("position_embd.weight", (256, 1024), False),
        ("rope_freqs.weight", (32,), False),
    ],
)
def test_only_matrices_are_quantised(name, dimensions, expected):
    """Vectors, norms, routers and position embeddings stay as they are."""
    assert expected is mixture.is_quantised(name, dimensions)


def test_q4_k_m_gives_half_of_the_value_and_down_matrices_six_bits():
    """In 32 layers, 16 are in an eighth at either end or each third between: those get Q6_K."""
    better = [
        layer
        for layer in range(32)
        if mixture.wanted(f"blk.{layer}.ffn_down.weight", "Q4_K_M", _ARCHITECTURE) == "Q6_K"
    ]
    assert [0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31] == better


@pytest.mark.parametrize(
    ("name", "file_type", "shape", "expected"),
    [
        ("output.weight", "Q4_K_M", Shape(layers=2), "Q6_K"),
        ("output.weight", "Q8_0", Shape(layers=2), "Q8_0"),
        ("token_embd.weight", "Q4_K_M", Shape(layers=2), "Q4_K"),
        ("token_embd.weight", "Q4_K_M", Shape(layers=2, tied=True), "Q6_K"),
        ("blk.20.attn_v.weight", "Q5_K_M", Shape(layers=32), "Q5_K"),
        ("blk.40.attn_v.weight", "Q4_K_M", Shape(layers=80), "Q5_K"),
        ("blk.20.attn_v.weight", "Q4_K_M", Shape(layers=32, experts=8), "Q8_0"),
        ("blk.20.attn_k.weight", "Q4_K_M", Shape(layers=32, experts=8), "Q8_0"),
        ("blk.20.attn_output.weight", "Q4_K_M", Shape(layers=32, experts=8), "Q5_K"),
        ("blk.0.ffn_down.weight", "Q4_0", Shape(layers=32, importance=True), "Q4_1"),
        ("blk.0.ffn_down.weight", "Q4_0", Shape(layers=32), "Q4_0"),
    ],
)
def test_tensors_with_a_rule_of_their_own(name, file_type, shape, expected):
    """Output, tied embeddings, 80 layers, 8 experts and importance matrices each have a rule."""
    assert expected == mixture.wanted(name, file_type, shape)


@pytest.mark.parametrize(
    ("wanted", "row", "expected"),
    [
        ("Q4_K", 256, "Q4_K"),
        ("Q4_K", 576, "Q5_0"),
        ("Q5_K", 64, "Q5_1"),
        ("Q6_K", 64, "Q8_0"),
        ("Q4_K", 172, "F16"),
    ],
)
def test_rows_that_are_no_multiple_of_the_block_fall_back(wanted, row, expected):
    """256 fails before 32, and what suits neither stays F16."""
    assert expected == mixture.possible(wanted, row=row)
