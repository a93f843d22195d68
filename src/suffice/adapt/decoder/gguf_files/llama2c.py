"""Decoders in llama2.c's published format (version 0, and a tokenizer's .bin) as Hugging Face folders."""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from suffice import extras, files
from suffice.errors import ArtefactError

_FEATURE = "converting a llama2.c model"
_HEADER = struct.Struct("<7i")
_LIMIT = 2**20  # of any one size in a header: far beyond llama2.c's own models
_UNKNOWN, _BOS, _EOS, _FIRST_BYTE, _BYTES = 0, 1, 2, 3, 256
_LONGEST_PIECE_BYTES = 256
_SPACE = "\u2581"  # SentencePiece's sign for a space
_LLAMA_2_EPSILON = 1e-5  # run.c, rmsnorm
_ROPE_THETA = 10_000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """The seven numbers a file begins with; `shared` says whether the output is the embedding transposed."""

    width: int
    hidden: int
    layers: int
    heads: int
    key_value_heads: int
    vocabulary: int
    context: int
    shared: bool

    @property
    def head(self) -> int:
        """Returns the width of one head."""
        return self.width // self.heads

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Returns the tensors in the order in which they lie in the file, with their shapes (run.c)."""
        layers, width, keys = self.layers, self.width, self.head * self.key_value_heads
        return {
            "embedding": (self.vocabulary, width),
            "attention_norm": (layers, width),
            "q": (layers, width, width),
            "k": (layers, keys, width),
            "v": (layers, keys, width),
            "o": (layers, width, width),
            "feed_forward_norm": (layers, width),
            "gate": (layers, self.hidden, width),
            "down": (layers, width, self.hidden),
            "up": (layers, self.hidden, width),
            "norm": (width,),
            "cosines": (self.context, self.head // 2),
            "sines": (self.context, self.head // 2),
            **({} if self.shared else {"output": (self.vocabulary, width)}),
        }


def to_folder(weights: Path, tokenizer: Path, folder: Path) -> Sizes:
    """Returns the model's sizes after writing it into `folder` as save_pretrained would.

    The weights stay f32. The tokenizer becomes a SentencePiece model (BPE with byte fallback), as it was
    before llama2.c exported it.

    Raises:
        ArtefactError: a file is cut short, too long, or has sizes that cannot be.
        OutputError: the place cannot be written to.
        MissingExtra: the packages of the extra `train` are missing.
    """
    sizes, tensors = read_weights(weights)
    pieces = read_tokenizer(tokenizer, sizes.vocabulary)
    files.write_bytes(folder / "tokenizer.model", _sentencepiece(pieces))
    files.write_json(folder / "tokenizer_config.json", _TOKENIZER_CONFIG)
    files.write_json(folder / "config.json", _config(sizes))
    files.write_bytes(
        folder / "model.safetensors", save(_hugging_face(sizes, tensors), metadata={"format": "pt"})
    )
    return sizes


def read_weights(path: Path) -> tuple[Sizes, dict[str, NDArray[np.float32]]]:
    """Returns the sizes of a model's .bin file and its tensors, each with one row of them per layer.

    Raises:
        ArtefactError: the file's length is not that of its sizes, or a size cannot be.
    """
    data = _read(path)
    if len(data) < _HEADER.size:
        raise _damaged(path, f"it has {len(data)} bytes, the header alone {_HEADER.size}")
    numbers = _HEADER.unpack_from(data)
    width, hidden, layers, heads, key_value_heads, vocabulary, context = numbers
    positive = (width, hidden, layers, heads, key_value_heads, abs(vocabulary), context)
    if not all(0 < number <= _LIMIT for number in positive):
        raise _damaged(path, f"its header has the sizes {numbers}")
    if width % heads or heads % key_value_heads or width // heads % 2:
        raise _damaged(
            path, f"width {width:,} does not divide into {heads} heads, {key_value_heads} of them keys"
        )
    sizes = Sizes(
        width=width,
        hidden=hidden,
        layers=layers,
        heads=heads,
        key_value_heads=key_value_heads,
        vocabulary=abs(vocabulary),
        context=context,
        shared=vocabulary > 0,
    )
    counts = [int(np.prod(shape, dtype=object)) for shape in sizes.tensors().values()]
    expected = _HEADER.size + 4 * sum(counts)
    if len(data) != expected:
        raise _damaged(path, f"its sizes need {expected:,} bytes, it has {len(data):,}")
    flat = np.frombuffer(data, dtype="<f4", offset=_HEADER.size)
    parts = np.split(flat, np.cumsum(counts)[:-1])
    shapes = sizes.tensors().items()
    return sizes, {name: part.reshape(shape) for (name, shape), part in zip(shapes, parts, strict=True)}


def read_tokenizer(path: Path, vocabulary: int) -> list[tuple[str, float]]:
    """Returns the pieces of a tokenizer's .bin file with their scores, in the order of their ids.

    Raises:
        ArtefactError: the file does not hold exactly this many pieces.
    """
    data = _read(path)
    pieces: list[tuple[str, float]] = []
    at = 4  # behind the length of the longest piece
    for index in range(vocabulary):
        if at + 8 > len(data):
            raise _damaged(path, f"it ends in piece {index} of {vocabulary:,}")
        score, length = struct.unpack_from("<fi", data, at)
        at += 8
        if not 0 <= length <= min(_LONGEST_PIECE_BYTES, len(data) - at):
            raise _damaged(path, f"piece {index} claims {length:,} bytes")
        try:
            pieces.append((data[at : at + length].decode(), score))
        except UnicodeDecodeError as error:
            raise _damaged(path, f"piece {index} is no UTF-8") from error
        at += length
    if at != len(data):
        raise _damaged(path, f"{len(data) - at:,} bytes follow its {vocabulary:,} pieces")
    return pieces


_TOKENIZER_CONFIG = {
    "tokenizer_class": "LlamaTokenizer",
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "add_bos_token": True,
    "add_eos_token": False,
    "legacy": True,
}


def _config(sizes: Sizes) -> dict[str, object]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": sizes.width,
        "intermediate_size": sizes.hidden,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "num_key_value_heads": sizes.key_value_heads,
        "vocab_size": sizes.vocabulary,
        "max_position_embeddings": sizes.context,
        "rms_norm_eps": _LLAMA_2_EPSILON,
        "rope_theta": _ROPE_THETA,
        "hidden_act": "silu",
        "tie_word_embeddings": sizes.shared,
        "bos_token_id": _BOS,
        "eos_token_id": _EOS,
        "dtype": "float32",
    }


def _hugging_face(sizes: Sizes, tensors: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Returns the tensors under the names, and with the order of rotated dimensions, of transformers."""
    named = {"model.embed_tokens.weight": tensors["embedding"], "model.norm.weight": tensors["norm"]}
    if not sizes.shared:
        named["lm_head.weight"] = tensors["output"]
    for layer in range(sizes.layers):
        prefix = f"model.layers.{layer}."
        q, k = tensors["q"][layer], tensors["k"][layer]
        named |= {
            f"{prefix}input_layernorm.weight": tensors["attention_norm"][layer],
            f"{prefix}post_attention_layernorm.weight": tensors["feed_forward_norm"][layer],
            f"{prefix}self_attn.q_proj.weight": _halves(q, sizes.heads),
            f"{prefix}self_attn.k_proj.weight": _halves(k, sizes.key_value_heads),
            f"{prefix}self_attn.v_proj.weight": tensors["v"][layer],
            f"{prefix}self_attn.o_proj.weight": tensors["o"][layer],
            f"{prefix}mlp.gate_proj.weight": tensors["gate"][layer],
            f"{prefix}mlp.up_proj.weight": tensors["up"][layer],
            f"{prefix}mlp.down_proj.weight": tensors["down"][layer],
        }
    return {name: np.ascontiguousarray(tensor) for name, tensor in named.items()}


def _halves(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Returns a (rows, width) matrix whose rotated pairs lie half a head apart instead of side by side.

    llama2.c rotates dimensions 2i and 2i + 1 together, transformers i and i + head / 2.
    """
    rows, width = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, width).swapaxes(1, 2).reshape(rows, width)


def _sentencepiece(pieces: list[tuple[str, float]]) -> bytes:
    """Returns the pieces as a SentencePiece model file."""
    protobuf = extras.require("sentencepiece.sentencepiece_model_pb2", extra="train", feature=_FEATURE)
    model = protobuf.ModelProto()
    kinds = protobuf.ModelProto.SentencePiece
    for index, (text, score) in enumerate(pieces):
        kind = kinds.NORMAL
        if _FIRST_BYTE <= index < _FIRST_BYTE + _BYTES:
            kind = kinds.BYTE
        elif index in {_UNKNOWN, _BOS, _EOS}:
            kind = kinds.UNKNOWN if index == _UNKNOWN else kinds.CONTROL
        # llama2.c writes a space where SentencePiece has its sign, and line breaks around control tokens.
        shown = text.strip("\n") if kind == kinds.CONTROL else text.replace(" ", _SPACE)
        model.pieces.add(piece=shown, score=score, type=kind)
    model.trainer_spec.model_type = protobuf.TrainerSpec.BPE
    model.trainer_spec.vocab_size = len(pieces)
    model.trainer_spec.byte_fallback = True
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = True
    model.normalizer_spec.remove_extra_whitespaces = False
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtefactError(f"cannot read {path}: {error.strerror or error}") from error


def _damaged(path: Path, why: str) -> ArtefactError:
    return ArtefactError(f"{path} is no llama2.c file of version 0: {why}", hint="fetch the file again")
