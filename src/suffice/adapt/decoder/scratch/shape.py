"""The shape of a decoder made for a task: one dial, its depth; everything else follows from it."""

from dataclasses import dataclass
from typing import Any

from suffice.errors import SpecError

HEAD_WIDTH = 32  # also the block of the 8-bit and 4-bit types: every row is a multiple of it
_DEPTHS = (2, 4, 6, 8, 10)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A Llama-shaped decoder of `depth` layers (Touvron et al. 2023, section 2.2).

    width = 64 + 16 * 2^(depth / 2); heads of 32; half as many key and value heads (grouped queries:
    Ainslie et al. 2023) where their number is even, else one; SwiGLU of 8/3 * width, rounded up to a
    multiple of 32. With a vocabulary of some 512 * depth tokens depths 2, 4, 6, 8 have about 0.3, 1, 3
    and 10 million parameters.
    """

    depth: int

    def __post_init__(self) -> None:
        if self.depth not in _DEPTHS:
            known = ", ".join(map(str, _DEPTHS))
            raise SpecError(f"depth {self.depth} is not offered; there are {known}")

    @property
    def width(self) -> int:
        """Returns the width of the residual stream."""
        return int(64 + 16 * 2 ** (self.depth // 2))

    @property
    def heads(self) -> int:
        """Returns the number of query heads."""
        return self.width // HEAD_WIDTH

    @property
    def key_heads(self) -> int:
        """Returns the number of key and value heads."""
        return self.heads // 2 if self.heads % 2 == 0 else 1

    @property
    def inner_width(self) -> int:
        """Returns the width inside the feed-forward part."""
        return -(-8 * self.width // (3 * HEAD_WIDTH)) * HEAD_WIDTH

    @property
    def most_tokens(self) -> int:
        """Returns the largest vocabulary that suits this depth; few rows fill less."""
        return 512 * self.depth

    def parameters(self, vocabulary: int) -> int:
        """Returns the number of parameters; the table of tokens is input and output at once."""
        attention = 2 * self.width**2 + 2 * self.width * self.key_heads * HEAD_WIDTH
        layer = attention + 3 * self.width * self.inner_width + 2 * self.width
        return self.depth * layer + vocabulary * self.width + self.width

    def config(self, *, vocabulary: int, context: int, end_id: int, pad_id: int) -> dict[str, Any]:
        """Returns the model's configuration in the words of transformers' LlamaConfig."""
        return {
            "vocab_size": vocabulary,
            "hidden_size": self.width,
            "intermediate_size": self.inner_width,
            "num_hidden_layers": self.depth,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.key_heads,
            "head_dim": HEAD_WIDTH,
            "max_position_embeddings": context,
            "tie_word_embeddings": True,
            "rms_norm_eps": 1e-5,
            "bos_token_id": None,
            "eos_token_id": end_id,
            "pad_token_id": pad_id,
        }
