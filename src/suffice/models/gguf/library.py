"""llama.cpp's C interface, reached through the shared library that the package xllamacpp brings.

The package's own Python interface is a chat server: it can neither share a prefix between sequences,
nor return the logits of chosen labels, nor roll back a rejected draft. Its shared library exports all
of llama.h and of llguidance's C interface, and that is what is used here. Struct layouts belong to one
version: another one is refused by name, and the layout is checked against the library's own defaults.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.metadata
from collections import deque
from ctypes import POINTER, c_bool, c_char_p, c_float, c_int, c_int32, c_size_t, c_uint32, c_void_p
from pathlib import Path
from typing import Any, ClassVar

from suffice import extras
from suffice.errors import MissingExtra

VERSION = "2026.10.11549"
_SPARE = 8  # words after a struct's known end: room for a library that would write more
_LINES_KEPT = 40


class ModelParams(ctypes.Structure):
    """How a model is loaded: `llama_model_params` of llama.h."""

    _fields_: ClassVar = [
        ("devices", c_void_p),
        ("tensor_buft_overrides", c_void_p),
        ("n_gpu_layers", c_int32),
        ("split_mode", c_int),
        ("load_mode", c_int),
        ("lazy_mode", c_int),
        ("main_gpu", c_int32),
        ("tensor_split", c_void_p),
        ("progress_callback", c_void_p),
        ("progress_callback_user_data", c_void_p),
        ("kv_overrides", c_void_p),
        ("vocab_only", c_bool),
        ("check_tensors", c_bool),
        ("use_extra_bufts", c_bool),
        ("no_host", c_bool),
        ("no_alloc", c_bool),
        ("load_mtp", c_bool),
        ("spare", c_size_t * _SPARE),
    ]


class ContextParams(ctypes.Structure):
    """The sizes and ways of a context: `llama_context_params` of llama.h."""

    _fields_: ClassVar = [
        ("n_ctx", c_uint32),
        ("n_batch", c_uint32),
        ("n_ubatch", c_uint32),
        ("n_seq_max", c_uint32),
        ("n_rs_seq", c_uint32),
        ("n_outputs_max", c_uint32),
        ("n_outputs_max_per_seq", c_uint32),
        ("n_threads", c_int32),
        ("n_threads_batch", c_int32),
        ("ctx_type", c_int),
        ("rope_scaling_type", c_int),
        ("pooling_type", c_int),
        ("attention_type", c_int),
        ("flash_attn_type", c_int),
        ("rope_freq_base", c_float),
        ("rope_freq_scale", c_float),
        ("yarn_ext_factor", c_float),
        ("yarn_attn_factor", c_float),
        ("yarn_beta_fast", c_float),
        ("yarn_beta_slow", c_float),
        ("yarn_orig_ctx", c_uint32),
        ("defrag_thold", c_float),
        ("cb_eval", c_void_p),
        ("cb_eval_user_data", c_void_p),
        ("type_k", c_int),
        ("type_v", c_int),
        ("moe_cache_size", c_size_t),
        ("abort_callback", c_void_p),
        ("abort_callback_data", c_void_p),
        ("embeddings", c_bool),
        ("offload_kqv", c_bool),
        ("no_perf", c_bool),
        ("op_offload", c_bool),
        ("swa_full", c_bool),
        ("kv_unified", c_bool),
        ("samplers", c_void_p),
        ("n_samplers", c_size_t),
        ("ctx_other", c_void_p),
        ("spare", c_size_t * _SPARE),
    ]


class Batch(ctypes.Structure):
    """The tokens of one pass, with their places and sequences: `llama_batch` of llama.h."""

    _fields_: ClassVar = [
        ("n_tokens", c_int32),
        ("token", c_void_p),
        ("embd", c_void_p),
        ("pos", c_void_p),
        ("n_seq_id", c_void_p),
        ("seq_id", c_void_p),
        ("logits", c_void_p),
    ]


class TokenData(ctypes.Structure):
    """One candidate of a sampler: `llama_token_data` of llama.h."""

    _fields_: ClassVar = [("id", c_int32), ("logit", c_float), ("p", c_float)]


class TokenDataArray(ctypes.Structure):
    """All candidates of a sampler: `llama_token_data_array` of llama.h."""

    _fields_: ClassVar = [
        ("data", c_void_p),
        ("size", c_size_t),
        ("selected", ctypes.c_int64),
        ("sorted", c_bool),
    ]


# What the library's own defaults are in this version: a shifted field would show here.
_MODEL_DEFAULTS = {
    "devices": None,
    "n_gpu_layers": -1,
    "split_mode": 1,
    "load_mode": -1,
    "lazy_mode": 1,
    "main_gpu": 0,
    "kv_overrides": None,
    "use_extra_bufts": True,
    "load_mtp": False,
}
_CONTEXT_DEFAULTS = {
    "n_ctx": 512,
    "n_batch": 2048,
    "n_ubatch": 512,
    "n_seq_max": 1,
    "n_outputs_max_per_seq": 1,
    "rope_scaling_type": -1,
    "flash_attn_type": -1,
    "yarn_ext_factor": -1.0,
    "defrag_thold": -1.0,
    "type_k": 1,
    "type_v": 1,
    "offload_kqv": True,
    "swa_full": True,
    "kv_unified": False,
    "samplers": None,
    "n_samplers": 0,
    "ctx_other": None,
}

_LOG = ctypes.CFUNCTYPE(None, c_int, c_char_p, c_void_p)
_TEXT, _PLACE = c_char_p, c_void_p

# Function -> (what it returns, what it takes).
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "llama_backend_init": (None, []),
    "llama_log_set": (None, [_LOG, _PLACE]),
    "llama_model_default_params": (ModelParams, []),
    "llama_context_default_params": (ContextParams, []),
    "llama_model_load_from_file": (_PLACE, [_TEXT, ModelParams]),
    "llama_model_free": (None, [_PLACE]),
    "llama_model_get_vocab": (_PLACE, [_PLACE]),
    "llama_model_n_ctx_train": (c_int32, [_PLACE]),
    "llama_model_n_embd": (c_int32, [_PLACE]),
    "llama_model_has_decoder": (c_bool, [_PLACE]),
    "llama_model_has_encoder": (c_bool, [_PLACE]),
    "llama_model_chat_template": (_TEXT, [_PLACE, _TEXT]),
    "llama_model_meta_val_str": (c_int32, [_PLACE, _TEXT, _PLACE, c_size_t]),
    "llama_init_from_model": (_PLACE, [_PLACE, ContextParams]),
    "llama_free": (None, [_PLACE]),
    "llama_get_memory": (_PLACE, [_PLACE]),
    "llama_memory_seq_rm": (c_bool, [_PLACE, c_int32, c_int32, c_int32]),
    "llama_memory_seq_cp": (None, [_PLACE, c_int32, c_int32, c_int32, c_int32]),
    "llama_memory_clear": (None, [_PLACE, c_bool]),
    "llama_decode": (c_int32, [_PLACE, Batch]),
    "llama_get_logits_ith": (POINTER(c_float), [_PLACE, c_int32]),
    "llama_get_embeddings_seq": (POINTER(c_float), [_PLACE, c_int32]),
    "llama_tokenize": (c_int32, [_PLACE, _TEXT, c_int32, _PLACE, c_int32, c_bool, c_bool]),
    "llama_token_to_piece": (c_int32, [_PLACE, c_int32, _PLACE, c_int32, c_int32, c_bool]),
    "llama_vocab_n_tokens": (c_int32, [_PLACE]),
    "llama_vocab_bos": (c_int32, [_PLACE]),
    "llama_vocab_eos": (c_int32, [_PLACE]),
    "llama_vocab_eot": (c_int32, [_PLACE]),
    "llama_vocab_is_eog": (c_bool, [_PLACE, c_int32]),
    "llama_vocab_is_control": (c_bool, [_PLACE, c_int32]),
    "llama_vocab_get_add_bos": (c_bool, [_PLACE]),
    "llama_vocab_type": (c_int, [_PLACE]),
    "llama_sampler_init_grammar": (_PLACE, [_PLACE, _TEXT, _TEXT]),
    "llama_sampler_apply": (None, [_PLACE, POINTER(TokenDataArray)]),
    "llama_sampler_accept": (None, [_PLACE, c_int32]),
    "llama_sampler_free": (None, [_PLACE]),
    "llg_constraint_init_set_defaults": (None, [_PLACE, _PLACE]),
    "llg_new_tokenizer": (_PLACE, [_PLACE, _PLACE, c_size_t]),
    "llg_free_tokenizer": (None, [_PLACE]),
    "llg_new_matcher": (_PLACE, [_PLACE, _TEXT, _TEXT]),
    "llg_clone_matcher": (_PLACE, [_PLACE]),
    "llg_free_matcher": (None, [_PLACE]),
    "llg_matcher_get_error": (_TEXT, [_PLACE]),
    "llg_matcher_compute_mask_into": (c_int32, [_PLACE, _PLACE, c_size_t]),
    "llg_matcher_consume_token": (c_int32, [_PLACE, c_uint32]),
    "llg_matcher_compute_ff_tokens": (c_int32, [_PLACE, _PLACE, c_size_t]),
    "ggml_type_size": (c_size_t, [c_int]),
    "ggml_blck_size": (ctypes.c_int64, [c_int]),
}

_lines: deque[str] = deque(maxlen=_LINES_KEPT)


def _keep_line(_: int, text: bytes | None, __: Any) -> None:
    if text:
        _lines.append(text.decode("utf-8", "replace").strip())


_keep = _LOG(_keep_line)  # lives as long as the process: the library keeps its address


@functools.cache
def load() -> Any:
    """Returns the library with the signatures of all functions that are used; it logs to `last_words`.

    Raises:
        MissingExtra: the package is absent, or of another version than the one whose structs are known.
    """
    package = extras.require("xllamacpp", extra="gguf", feature="serving a decoder")
    found = importlib.metadata.version("xllamacpp")
    if found != VERSION:
        raise MissingExtra(
            f"serving a decoder needs xllamacpp {VERSION}; {found} is installed, whose structs may differ",
            hint=extras.install("gguf"),
        )
    folder = Path(package.__file__).parent
    library = ctypes.CDLL(str(next(folder.glob("xllamacpp*.so"))))
    for name, (returns, takes) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = returns, takes
    library.llama_log_set(_keep, None)
    _check(library.llama_model_default_params(), _MODEL_DEFAULTS)
    _check(library.llama_context_default_params(), _CONTEXT_DEFAULTS)
    library.llama_backend_init()
    return library


def _check(given: ctypes.Structure, expected: dict[str, Any]) -> None:
    """Checks a struct that the library filled against its known defaults.

    Raises:
        MissingExtra: a field differs.
    """
    wrong = {name: getattr(given, name) for name, value in expected.items() if getattr(given, name) != value}
    if wrong:
        raise MissingExtra(
            f"xllamacpp {VERSION} has another {type(given).__name__} than this suffice knows: {wrong}",
            hint=extras.install("gguf"),
        )


def forget_words() -> None:
    """Forgets what the library has said so far."""
    _lines.clear()


def last_words() -> str:
    """Returns the library's last complaint, or its last line, since `forget_words`."""
    complaints = [line for line in _lines if "error" in line.lower() or "fail" in line.lower()]
    return (complaints or list(_lines) or ["it said nothing"])[0 if complaints else -1]
