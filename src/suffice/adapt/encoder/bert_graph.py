"""A BERT sentence encoder as an ONNX graph, in float or in 8-bit integers, built from its tensors.

The graph reads `input_ids` (batch, tokens), all of one length, and returns `embedding`
(batch, width): the mean over tokens, L2-normalised; or, for each token, `states` (batch, tokens,
width) or a linear head's `scores` of them. There is no padding and no mask: texts are
batched by exact length, so that an answer does not depend on the texts beside it.

Integer form: activations are quantised per token row at run time, weights per output channel, and
outlying channels of a layer norm's output are first divided by a smoothing vector that is multiplied
into the weights (SmoothQuant: Xiao et al. 2023, arXiv 2211.10438, eq. 3-4). Weights take 7 of their
8 bits: 255 * 64 * 2 < 2^15, so the pairwise 16-bit sums of x86 kernels without VNNI cannot saturate
and every machine computes the same integers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suffice.errors import ArtefactError

Floats = NDArray[np.float32]
Smoothing = Mapping[str, Floats]

MAX_TOKENS = 256
INPUT, OUTPUT = "input_ids", "embedding"
STATES, SCORES = "states", "scores"
_OPSET, _IR_VERSION = 17, 9
_CONTRIB = "com.microsoft"  # onnxruntime's fused operators
_HEAD_WIDTH = 32
_LAYER_NORM_EPSILON = 1e-12
_WEIGHT_LEVELS = 64
_BYTE_MAX = 255
# GELU's minimum is -0.17: a zero point of 16 covers it and leaves 239 levels above zero.
_GELU_MINIMUM, _GELU_ZERO_POINT = 0.17, 16
_SYMMETRIC_ZERO_POINT = 128


@dataclass(frozen=True, kw_only=True)
class BertShape:
    """The sizes of a BERT encoder with attention heads of width 32 (the MiniLM family)."""

    layers: int
    width: int

    @property
    def heads(self) -> int:
        """Returns the number of attention heads."""
        return self.width // _HEAD_WIDTH


def shape_of(tensors: Mapping[str, Floats]) -> BertShape:
    """Returns the sizes that a set of BERT tensors has.

    Raises:
        ArtefactError: tensors are missing, or the heads do not divide the width.
    """
    layers = len({name.split(".")[2] for name in tensors if name.startswith("encoder.layer.")})
    try:
        width = int(tensors["embeddings.word_embeddings.weight"].shape[1])
        for layer in range(layers):
            tensors[f"encoder.layer.{layer}.output.LayerNorm.bias"]
    except KeyError as error:
        raise ArtefactError(f"these are no weights of a BERT encoder: {error} is missing") from error
    if layers == 0 or width % _HEAD_WIDTH:
        raise ArtefactError(
            f"no BERT encoder of a known shape: {layers} layers of width {width}; "
            f"at least one layer and a multiple of {_HEAD_WIDTH} are expected"
        )
    return BertShape(layers=layers, width=width)


def bert_graph(
    tensors: Mapping[str, Floats], *, smoothing: Smoothing | None = None, show_norms: bool = False
) -> bytes:
    """Returns the serialised ONNX model: float without `smoothing`, 8-bit integers with it.

    `smoothing` maps the name of each layer norm that feeds a matrix product to the largest
    absolute value seen in each of its channels. `show_norms` adds those norms' outputs to the
    graph's outputs, which is how they are measured.

    Raises:
        ArtefactError: the tensors are not those of a BERT encoder.
    """
    shape = shape_of(tensors)
    graph = _Graph(tensors, smoothing)
    graph.pool(graph.body(shape))
    shown = norm_names(shape) if show_norms else []
    sizes: dict[str, list[str | int]] = {OUTPUT: ["batch", shape.width]}
    return graph.serialise(sizes | {name: ["batch", "tokens", shape.width] for name in shown})


def token_graph(
    tensors: Mapping[str, Floats], *, smoothing: Smoothing | None, head: tuple[Floats, Floats] | None = None
) -> bytes:
    """Returns the serialised model that gives each token's last state, or a linear head's scores of it.

    `head`: weight (width, L) and bias (L,), in float whatever the body is.

    Raises:
        ArtefactError: the tensors are not those of a BERT encoder.
    """
    shape = shape_of(tensors)
    graph = _Graph(tensors, smoothing)
    graph.say(graph.body(shape), head)
    name, size = (STATES, shape.width) if head is None else (SCORES, len(head[1]))
    return graph.serialise({name: ["batch", "tokens", size]})


def norm_names(shape: BertShape) -> list[str]:
    """Returns the names of the layer norms that feed a matrix product, in order."""
    names = ["embeddings.LayerNorm"]
    for layer in range(shape.layers):
        names += [f"encoder.layer.{layer}.{part}.LayerNorm" for part in ("attention.output", "output")]
    return names[:-1]


class _Graph:
    """Collects nodes and constants; each method adds one part and returns its output's name."""

    def __init__(self, tensors: Mapping[str, Floats], smoothing: Smoothing | None) -> None:
        import onnx  # noqa: PLC0415 - 0.2 s, needed only where a graph is made

        self._onnx = onnx
        self._tensors = tensors
        self._smoothing = smoothing
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}

    def body(self, shape: BertShape) -> str:
        """All layers; returns the last one's output."""
        hidden, norm = self.embed(), "embeddings.LayerNorm"
        for layer in range(shape.layers):
            hidden, norm = self.layer(hidden, norm, layer=layer, heads=shape.heads)
        return hidden

    def embed(self) -> str:
        """Word, position and type embeddings, summed and normalised."""
        words = self._tensors["embeddings.word_embeddings.weight"]
        if self._smoothing is None:
            rows = self._add("Gather", [self._constant("words", words), INPUT])
        else:
            scale = _scale(np.abs(words).max(axis=1, keepdims=True), 127)
            levels = self._constant("words.levels", np.rint(words / scale).astype(np.int8))
            row_scale = self._add("Gather", [self._constant("words.scale", scale), INPUT])
            integers = self._add("Gather", [levels, INPUT])
            rows = self._add("Mul", [self._to_float(integers), row_scale])
        # All texts are one segment, of type 0.
        positions = self._tensors["embeddings.position_embeddings.weight"][:MAX_TOKENS]
        positions = positions + self._tensors["embeddings.token_type_embeddings.weight"][0]
        tokens = self._add("Shape", [INPUT], start=1, end=2)
        start = self._constant("zero", np.array([0], np.int64))
        places = self._add("Slice", [self._constant("positions", positions), start, tokens])
        summed = self._add("Add", [rows, places])
        norm = "embeddings.LayerNorm"
        return self._add(
            "LayerNormalization", [summed, *self._norm(norm)], name=norm, epsilon=_LAYER_NORM_EPSILON
        )

    def layer(self, hidden: str, norm: str, *, layer: int, heads: int) -> tuple[str, str]:
        """One transformer layer; returns its output and the name of the norm that made it."""
        prefix = f"encoder.layer.{layer}"
        query_key_value = [f"{prefix}.attention.self.{part}" for part in ("query", "key", "value")]
        weight = np.concatenate([self._tensors[f"{name}.weight"].T for name in query_key_value], axis=1)
        bias = np.concatenate([self._tensors[f"{name}.bias"] for name in query_key_value])
        projected = self._linear(hidden, f"{prefix}.attention.self", weight, norm=norm)
        thirds = self._constant("thirds", np.array([weight.shape[0]] * 3, np.int64))
        parts = self._add_many("Split", [projected, thirds], count=3, axis=2)
        bias_name = self._constant(f"{prefix}.attention.self.bias", bias)
        attended = self._add("MultiHeadAttention", [*parts, bias_name], domain=_CONTRIB, num_heads=heads)
        dense = f"{prefix}.attention.output.dense"
        attended = self._linear(attended, dense, self._tensors[f"{dense}.weight"].T)
        norm = f"{prefix}.attention.output.LayerNorm"
        hidden = self._residual(hidden, attended, bias=f"{dense}.bias", norm=norm)

        dense = f"{prefix}.intermediate.dense"
        inner = self._linear(hidden, dense, self._tensors[f"{dense}.weight"].T, norm=norm)
        bias_name = self._constant(f"{dense}.bias", self._tensors[f"{dense}.bias"])
        inner = self._add("BiasGelu", [inner, bias_name], domain=_CONTRIB)
        dense = f"{prefix}.output.dense"
        inner = self._linear(inner, dense, self._tensors[f"{dense}.weight"].T, after_gelu=True)
        norm = f"{prefix}.output.LayerNorm"
        return self._residual(hidden, inner, bias=f"{dense}.bias", norm=norm), norm

    def pool(self, hidden: str) -> None:
        """The mean over tokens, L2-normalised."""
        mean = self._add("ReduceMean", [hidden], axes=[1], keepdims=0)
        length = self._add("ReduceL2", [mean], axes=[1], keepdims=1)
        self._add("Div", [mean, length], name=OUTPUT)

    def say(self, hidden: str, head: tuple[Floats, Floats] | None) -> None:
        """The tokens' states, or a head's scores of them."""
        if head is None:
            self._add("Identity", [hidden], name=STATES)
            return
        product = self._add("MatMul", [hidden, self._constant("head.weight", head[0])])
        self._add("Add", [product, self._constant("head.bias", head[1])], name=SCORES)

    def serialise(self, outputs: Mapping[str, list[str | int]]) -> bytes:
        """Returns the model's bytes, the same for the same graph; `outputs` maps names to sizes."""
        helper, types = self._onnx.helper, self._onnx.TensorProto
        reads = [helper.make_tensor_value_info(INPUT, types.INT64, ["batch", "tokens"])]
        gives = [helper.make_tensor_value_info(name, types.FLOAT, sizes) for name, sizes in outputs.items()]
        graph = helper.make_graph(self._nodes, "encoder", reads, gives, list(self._constants.values()))
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_CONTRIB, 1)]
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="suffice"
        )
        data: bytes = model.SerializeToString(deterministic=True)
        return data

    def _residual(self, hidden: str, update: str, *, bias: str, norm: str) -> str:
        inputs = [hidden, update, *self._norm(norm), self._constant(bias, self._tensors[bias])]
        return self._add(
            "SkipLayerNormalization", inputs, name=norm, domain=_CONTRIB, epsilon=_LAYER_NORM_EPSILON
        )

    def _linear(
        self, rows: str, name: str, weight: Floats, *, norm: str | None = None, after_gelu: bool = False
    ) -> str:
        """The product rows @ weight; the bias is added by the operator that follows."""
        if self._smoothing is None:
            return self._add("MatMul", [rows, self._constant(f"{name}.weight", weight)])
        if norm is not None:
            smooth = _smoothing_vector(self._smoothing[norm], weight)
            weight = weight * smooth[:, None]
            rows = self._add("Mul", [rows, self._constant(f"{name}.smooth", 1.0 / smooth)])
        zero_point = _GELU_ZERO_POINT if after_gelu else _SYMMETRIC_ZERO_POINT
        row_scale = self._gelu_scale(rows) if after_gelu else self._symmetric_scale(rows)
        one = self._constant("one", np.float32(1.0))
        zero = self._constant(f"zero_point.{zero_point}", np.uint8(zero_point))
        integers = self._add("QuantizeLinear", [self._add("Div", [rows, row_scale]), one, zero])
        scale = _scale(np.abs(weight).max(axis=0), _WEIGHT_LEVELS)
        levels = np.clip(np.rint(weight / scale), -_WEIGHT_LEVELS, _WEIGHT_LEVELS).astype(np.int8)
        constants = [
            self._constant(f"{name}.levels", levels),
            one,
            self._constant(f"{name}.scale", scale),
            zero,
        ]
        product = self._add("MatMulIntegerToFloat", [integers, *constants], domain=_CONTRIB)
        return self._add("Mul", [product, row_scale])

    def _symmetric_scale(self, rows: str) -> str:
        """Per row: largest absolute value / 127."""
        largest = self._add("ReduceMax", [self._add("Abs", [rows])], axes=[-1], keepdims=1)
        return self._at_least(largest, tiny=1e-9, levels=_BYTE_MAX - _SYMMETRIC_ZERO_POINT)

    def _gelu_scale(self, rows: str) -> str:
        """Per row: largest value / 239, but never so fine that GELU's minimum falls below level 0."""
        levels = _BYTE_MAX - _GELU_ZERO_POINT
        largest = self._add("ReduceMax", [rows], axes=[-1], keepdims=1)
        return self._at_least(largest, tiny=_GELU_MINIMUM / _GELU_ZERO_POINT * levels, levels=levels)

    def _at_least(self, largest: str, *, tiny: float, levels: int) -> str:
        bounded = self._add("Max", [largest, self._constant(f"at_least.{tiny:.3g}", np.float32(tiny))])
        return self._add("Mul", [bounded, self._constant(f"one_over.{levels}", np.float32(1.0 / levels))])

    def _norm(self, name: str) -> list[str]:
        return [
            self._constant(f"{name}.{part}", self._tensors[f"{name}.{part}"]) for part in ("weight", "bias")
        ]

    def _to_float(self, value: str) -> str:
        return self._add("Cast", [value], to=self._onnx.TensorProto.FLOAT)

    def _constant(self, name: str, value: Any) -> str:
        if name not in self._constants:
            array = np.asarray(value)
            array = array.astype(np.float32) if array.dtype.kind == "f" else array
            self._constants[name] = self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def _add(self, kind: str, inputs: list[str], *, name: str = "", domain: str = "", **settings: Any) -> str:
        output = name or f"{kind}.{len(self._nodes)}"
        self._nodes.append(
            self._onnx.helper.make_node(kind, inputs, [output], name=output, domain=domain, **settings)
        )
        return output

    def _add_many(self, kind: str, inputs: list[str], *, count: int, **settings: Any) -> list[str]:
        outputs = [f"{kind}.{len(self._nodes)}.{part}" for part in range(count)]
        self._nodes.append(self._onnx.helper.make_node(kind, inputs, outputs, name=outputs[0], **settings))
        return outputs


def _scale(largest: Floats, levels: int) -> Floats:
    """Returns largest / levels, and 1 where everything is 0."""
    return np.where(largest > 0.0, largest / levels, 1.0).astype(np.float32)


def _smoothing_vector(largest: Floats, weight: Floats) -> Floats:
    """Returns sqrt(max |x_j| / max |w_j|) per input channel (SmoothQuant, eq. 4 with alpha = 1/2)."""
    weights = np.maximum(np.abs(weight).max(axis=1), 1e-6)
    smooth: Floats = np.sqrt(np.maximum(largest, 1e-6) / weights).astype(np.float32)
    return smooth
