"""Which function applies which method; it is imported when the method is used."""

import importlib
from dataclasses import dataclass

from suffice.errors import SpecError
from suffice.ports import Method


@dataclass(frozen=True, kw_only=True)
class MethodEntry:
    """Where a method lives, which kind of model it makes, and which extra it needs."""

    place: str
    kind: str
    extra: str | None = None
    needs_teacher: bool = False


# A new method is one file and one line here.
METHODS: dict[str, MethodEntry] = {
    "linear": MethodEntry(place="suffice.adapt.linear.fit:LinearMethod", kind="linear"),
    "distil": MethodEntry(
        place="suffice.adapt.linear.distil:DistilMethod", kind="linear", needs_teacher=True
    ),
    "head": MethodEntry(place="suffice.adapt.encoder.embedding_head:HeadMethod", kind="encoder"),
    "finetune": MethodEntry(
        place="suffice.adapt.encoder.finetune:FinetuneMethod", kind="encoder", extra="train"
    ),
    "distil-decoder": MethodEntry(
        place="suffice.adapt.decoder.scratch.distil:DistilDecoderMethod",
        kind="gguf",
        extra="train",
        needs_teacher=True,
    ),
    "int8": MethodEntry(
        place="suffice.adapt.decoder.dynamic_int8:Int8Method",
        kind="transformers",
        extra="train",
        needs_teacher=True,
    ),
    "quantise": MethodEntry(
        place="suffice.adapt.decoder.gguf_files.shrink:QuantiseMethod",
        kind="gguf",
        extra="train",
        needs_teacher=True,
    ),
    "tagger": MethodEntry(place="suffice.adapt.tagger.method:TaggerMethod", kind="tagger"),
    "encoder-tagger": MethodEntry(place="suffice.adapt.tagger.method:EncoderTaggerMethod", kind="tagger"),
    "full": MethodEntry(place="suffice.adapt.decoder.tuning.tune:FullMethod", kind="gguf", extra="train"),
    "lora": MethodEntry(place="suffice.adapt.decoder.tuning.lora:LoraMethod", kind="gguf", extra="train"),
    "prompt": MethodEntry(place="suffice.adapt.decoder.prompting.prompted:PromptMethod", kind="gguf"),
    "tiny": MethodEntry(place="suffice.adapt.decoder.scratch.tiny:TinyMethod", kind="gguf", extra="train"),
}


def entry(name: str) -> MethodEntry:
    """Returns a method's entry.

    Raises:
        SpecError: no such method.
    """
    if name not in METHODS:
        raise SpecError(f"unknown method {name!r}; known are {', '.join(sorted(METHODS))}")
    return METHODS[name]


def method(name: str) -> Method:
    """Returns a method, imported now.

    Raises:
        SpecError: no such method.
    """
    module, attribute = entry(name).place.split(":")
    found: Method = getattr(importlib.import_module(module), attribute)()
    return found
