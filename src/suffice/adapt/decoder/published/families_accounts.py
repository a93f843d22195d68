"""What a family's published shape costs: parameters in all and per token, and the memory of its context."""

from dataclasses import dataclass
from typing import Any

from suffice import extras
from suffice.adapt.decoder.published.families import Family
from suffice.errors import ArtefactError

_FEATURE = "counting a family's parameters"
_CACHE_BYTES = 4  # the gguf engine keeps keys and values as f32, so that an answer is the same in any batch


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameters:
    """All parameters, and those that take part in one token: with experts, only the chosen ones'."""

    total: int
    active: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """The shape of keys and values: layers, of these how many see a window only, heads and their width."""

    layers: int
    windowed_layers: int
    window: int | None
    key_heads: int
    query_heads: int
    head: int

    @property
    def bytes_per_token(self) -> int:
        """Returns 2 (keys, values) x layers x key heads x head width x 4 bytes (f32)."""
        return 2 * self.layers * self.key_heads * self.head * _CACHE_BYTES

    def bytes_at(self, tokens: int) -> int:
        """Returns the bytes for a text of `tokens`; layers with a window keep no more than it."""
        per_layer = self.bytes_per_token // self.layers
        seen = min(tokens, self.window) if self.window else tokens
        return per_layer * ((self.layers - self.windowed_layers) * tokens + self.windowed_layers * seen)


@dataclass(frozen=True, kw_only=True, slots=True)
class Traits:
    """How a family knows positions, and its feed-forward part's activation."""

    positions: str
    activation: str


def configuration(family: Family, **changes: Any) -> Any:
    """Returns the family's configuration of transformers with the published numbers, some changed.

    Raises:
        ArtefactError: the installed transformers does not have the family.
    """
    transformers = extras.require("transformers", extra="train", feature=_FEATURE)
    made = getattr(transformers, family.config_class, None)
    if made is None:
        raise ArtefactError(f"transformers {transformers.__version__} has no {family.config_class}")
    return made(**{**family.sizes, **changes})


def tensors(config: Any) -> dict[str, int]:
    """Returns the sizes of a configuration's tensors, by building it without memory for its weights."""
    torch = extras.require("torch", extra="train", feature=_FEATURE)
    transformers = extras.require("transformers", extra="train", feature=_FEATURE)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    return {name: int(tensor.numel()) for name, tensor in model.named_parameters()}


def parameters(config: Any) -> Parameters:
    """Returns the parameters of a configuration, in all and per token."""
    counts = tensors(config)
    total = sum(counts.values())
    experts = sum(count for name, count in counts.items() if ".experts." in name)
    if not experts:
        return Parameters(total=total, active=total)
    idle = experts - experts * config.num_experts_per_tok // config.num_local_experts
    return Parameters(total=total, active=total - idle)


def context(config: Any) -> Context:
    """Returns the shape of keys and values of a configuration."""
    layers, heads = int(config.num_hidden_layers), int(config.num_attention_heads)
    key_heads = int(getattr(config, "num_key_value_heads", None) or heads)
    head = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
    window = getattr(config, "sliding_window", None)
    kinds = getattr(config, "layer_types", None)
    windowed = 0 if not window else layers if kinds is None else kinds.count("sliding_attention")
    return Context(
        layers=layers,
        windowed_layers=windowed,
        window=int(window) if window and windowed else None,
        key_heads=key_heads,
        query_heads=heads,
        head=head,
    )


def traits(config: Any) -> Traits:
    """Returns what a configuration says of positions and activation."""
    rope = getattr(config, "rope_parameters", None)
    names = ("hidden_activation", "hidden_act", "activation_function")
    act = next(str(found) for found in (getattr(config, name, None) for name in names) if found)
    is_gated = any("gate_proj" in name or "gate_up_proj" in name for name in tensors(config))
    gated = "SwiGLU" if act == "silu" else "GeGLU"
    return Traits(
        positions="learned" if rope is None else _rotary(rope), activation=gated if is_gated else act
    )


def _rotary(rope: Any) -> str:
    by_layer = {"full_attention", "sliding_attention"} & set(rope)
    if by_layer:
        bases = ", ".join(
            f"{rope[kind]['rope_theta']:,.0f} ({kind.split('_')[0]})" for kind in sorted(by_layer)
        )
        return f"RoPE {bases}"
    part = rope.get("partial_rotary_factor") or 1.0
    scaled = "" if rope["rope_type"] == "default" else f", {rope['rope_type']} scaling"
    return f"RoPE {rope['rope_theta']:,.0f}{'' if part == 1 else f', {part:.0%} of a head'}{scaled}"
