"""Attention and its memory are chosen by a file's weights, so that answers do not depend on their company."""

from pathlib import Path

import pytest

from suffice.models.gguf import attention, header, library
from tests.unit.models.gguf import tiny_gguf


@pytest.mark.parametrize(("is_quantised", "chosen"), [(False, (0, 0, 0)), (True, (1, 1, 30))])
def test_settings_follow_the_weights(is_quantised, chosen, tmp_path: Path):
    """32-bit weights keep everything in 32 bits; others have flash attention between unequal types."""
    path = tiny_gguf.write_byte_bpe(tmp_path / "model.gguf", is_quantised=is_quantised)
    found = header.read(path)
    params = library.ContextParams()
    attention.choose(params, found)
    assert attention.is_exact(found) is not is_quantised
    assert chosen == (params.flash_attn_type, params.type_k, params.type_v)
