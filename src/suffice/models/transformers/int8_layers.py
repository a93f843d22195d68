"""Layers of a decoder in 8-bit integers: weights with a scale a row, activations with a scale a token.

Both scales are the largest magnitude over 127, nothing is shifted, and the product of the integers is
exact; so what a token is answered depends on no other token of its batch (Dettmers et al. 2022,
LLM.int8(), section 3.1: vector-wise quantisation). Their tensors are called `levels` and `scales`, not
`weight`: no other tool takes them for plain weights. Imported where torch is installed only.
"""

from __future__ import annotations

from typing import Any, Self

import torch

_LARGEST = 127.0
_LEAST_SCALE = 1e-30


def levels_of(values: Any) -> tuple[Any, Any]:
    """Returns (n, width) floats as integers in [-127, 127], and the (n, 1) scales that turn them back."""
    scales = values.abs().amax(dim=1, keepdim=True).div_(_LARGEST).clamp_min_(_LEAST_SCALE)
    return (values / scales).round_().to(torch.int8), scales


class Int8Linear(torch.nn.Module):  # type: ignore[misc]
    """A linear layer that multiplies integers: `levels` (outputs, inputs), `scales` (outputs, 1)."""

    def __init__(self, levels: Any, scales: Any, bias: Any) -> None:
        super().__init__()
        self.register_buffer("levels", levels)
        self.register_buffer("scales", scales)
        self.register_buffer("bias", bias)

    @classmethod
    def of(cls, layer: Any) -> Self:
        """Returns a linear layer in integers; of a layer without values one that waits for its own."""
        bias = None if layer.bias is None else layer.bias.detach().float()
        return cls(*levels_of(layer.weight.detach().float()), bias)

    def forward(self, values: Any) -> Any:
        """Returns (..., outputs) of (..., inputs)."""
        rows = values.reshape(-1, values.shape[-1])
        levels, scales = levels_of(rows)
        # torch's private name, but the one that torchao multiplies integers by as well.
        said = torch._int_mm(levels, self.levels.t()).float()  # noqa: SLF001
        said.mul_(scales).mul_(self.scales.view(1, -1))
        if self.bias is not None:
            said.add_(self.bias)
        return said.view(*values.shape[:-1], said.shape[-1])


class Int8Embedding(torch.nn.Module):  # type: ignore[misc]
    """A table of tokens in integers, one scale a token: `levels` (tokens, width), `scales` (tokens, 1)."""

    def __init__(self, levels: Any, scales: Any) -> None:
        super().__init__()
        self.register_buffer("levels", levels)
        self.register_buffer("scales", scales)

    @classmethod
    def of(cls, layer: Any) -> Self:
        """Returns a table in integers."""
        return cls(*levels_of(layer.weight.detach().float()))

    def forward(self, tokens: Any) -> Any:
        """Returns (..., width) of (...) tokens."""
        return self.levels[tokens].float() * self.scales[tokens]


def replace(model: Any) -> None:
    """Changes a model's linear layers and tables of tokens into integer ones.

    Layers of other classes (experts kept as one tensor, tables that are scaled) stay in floats.
    """
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if type(layer) is torch.nn.Linear:
                setattr(parent, name, Int8Linear.of(layer))
            elif type(layer) is torch.nn.Embedding:
                setattr(parent, name, Int8Embedding.of(layer))


def shared_output(model: Any) -> str | None:
    """Returns the name of the output layer where it is the table of tokens over again, or None."""
    table, output = model.get_input_embeddings(), model.get_output_embeddings()
    are_integers = isinstance(table, Int8Embedding) and isinstance(output, Int8Linear)
    if not (are_integers and model.config.tie_word_embeddings):
        return None
    return str(next(name for name, layer in model.named_modules() if layer is output))


def share(model: Any) -> None:
    """Makes the output layer use the table's own integers."""
    table, output = model.get_input_embeddings(), model.get_output_embeddings()
    output.levels, output.scales = table.levels, table.scales
