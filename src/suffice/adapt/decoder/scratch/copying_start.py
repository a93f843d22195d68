"""Starting weights of a decoder that can copy: answers quote their texts, and that is learnt last.

A transformer copies by an induction head (Olsson et al. 2022): a head of one layer notes at each token
which token came before it; a head of the next layer looks, from the token just said, for the place
that noted the same token, and says what stands there. From chance weights training on some thousand
rows does not find this pair. Here both are set up at the start, weakly, and learning does the rest:

- The first of the residual stream's numbers is the same for all tokens. Layer 0's first head makes its
  queries and keys of it alone; the rotary positions turn them, and keys are set one step ahead, so that
  a token looks at the one before it.
- What it reads there, a random projection, goes to the stream's last numbers, which tokens leave empty.
- Layer 1's first head compares that with the same projection of the present token, in those pairs of
  numbers that the rotary positions hardly turn, and adds the found token's own numbers to the stream.

SNIPS, depth 2, 4,000 rows, 3 epochs: 30% of 700 dev frames exact instead of 8%. Three times as strong a
start is worse than chance weights (6%).
"""

import math
from collections.abc import Mapping
from typing import Any

from suffice.adapt.decoder.scratch.llama_torch import ROPE_BASE, require_torch
from suffice.adapt.decoder.scratch.shape import HEAD_WIDTH, Shape

SPREAD = 0.05  # the deviation of the numbers of a token's vector
_CONSTANT = 3 * SPREAD
_LOOK = 1.8
_MATCH = 1.7
_SAY = 3.0
_HALF = HEAD_WIDTH // 2
_FAST_PAIRS = 3
_SLOW = (*range(_HALF // 2, _HALF), *range(_HALF + _HALF // 2, HEAD_WIDTH))


def prepare_vectors(tokens: Any, space: Any) -> None:
    """Changes fresh vectors (n, width) of tokens and the space's (1, width): one constant, the last empty."""
    with require_torch().no_grad():
        tokens[:, 0], space[:, 0] = _CONSTANT, 0.0
        tokens[:, -HEAD_WIDTH:], space[:, -HEAD_WIDTH:] = 0.0, 0.0
        space *= 0.5


def prepare_layers(parameters: Mapping[str, Any], shape: Shape) -> None:
    """Changes fresh layers so that the first heads of layers 0 and 1 copy."""
    with require_torch().no_grad():
        projection = _look_back(parameters, shape)
        _find_and_say(parameters, shape, projection)


def _look_back(parameters: Mapping[str, Any], shape: Shape) -> Any:
    """Returns the projection (head width, width) by which layer 0 notes the token before."""
    query, key, value, out = _first_head(parameters, shape, layer=0)
    query.zero_()
    for pair in range(_FAST_PAIRS):
        turn = ROPE_BASE ** (-pair / _HALF)
        query[pair, 0] = _LOOK
        key[[pair, pair + _HALF]] = 0.0
        key[pair, 0], key[pair + _HALF, 0] = _LOOK * math.cos(turn), _LOOK * math.sin(turn)
    value[:, 0] = 0.0
    value[:, -HEAD_WIDTH:] = 0.0
    value *= math.sqrt(shape.width / (shape.width - HEAD_WIDTH))
    out.zero_()
    for place in range(HEAD_WIDTH):
        out[shape.width - HEAD_WIDTH + place, place] = SPREAD
    return value


def _find_and_say(parameters: Mapping[str, Any], shape: Shape, projection: Any) -> None:
    query, key, value, out = _first_head(parameters, shape, layer=1)
    query *= 0.1
    for place, number in enumerate(_SLOW):
        key[number] = 0.0
        key[number, shape.width - HEAD_WIDTH + place] = _MATCH
        query[number] = _MATCH * projection[place]
    value.zero_()
    out.zero_()
    for place in range(HEAD_WIDTH):
        value[place, 1 + place] = 1.0
        out[1 + place, place] = _SAY * SPREAD


def _first_head(parameters: Mapping[str, Any], shape: Shape, *, layer: int) -> tuple[Any, Any, Any, Any]:
    """Returns views of a layer's first query, key, value (head width, width), output (width, head width)."""
    joined = parameters[f"layers.{layer}.self_attn.qkv.weight"]
    key_at = shape.heads * HEAD_WIDTH
    value_at = key_at + shape.key_heads * HEAD_WIDTH
    query, key, value = (joined[at : at + HEAD_WIDTH] for at in (0, key_at, value_at))
    return query, key, value, parameters[f"layers.{layer}.self_attn.o_proj.weight"][:, :HEAD_WIDTH]
