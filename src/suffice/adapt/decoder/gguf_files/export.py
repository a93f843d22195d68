"""A Hugging Face folder to a GGUF file."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from suffice import extras, files
from suffice.adapt.decoder.gguf_files import pre_tokenizer
from suffice.errors import ArtefactError
from suffice.models.transformers import folder as decoder_folder
from suffice.models.transformers.folder import DecoderFolder

_FILE_TYPES = {"f32": "ALL_F32", "f16": "MOSTLY_F16", "bf16": "MOSTLY_BF16"}
_FEATURE = "exporting a decoder to GGUF"
# The converter's loggers write to the terminal; what goes wrong is raised instead.
_LOGGERS = ("hf-to-gguf", "metadata", "gguf.gguf_writer", "gguf.vocab", "gguf.utility", "transformers")
# What the converter raises about a folder that it cannot use.
_REFUSALS = (
    ValueError,
    KeyError,
    AssertionError,
    TypeError,
    AttributeError,
    NotImplementedError,
    FileNotFoundError,
)


def write_gguf(hf_folder: Path, out_file: Path, *, outtype: str = "f16") -> None:
    """Writes weights, tokenizer and chat template of a Hugging Face folder as one GGUF file.

    `outtype` is f32, f16 or bf16; norms and biases are f32 in each. The same folder gives the same bytes,
    wherever it lies.

    Raises:
        ArtefactError: the folder cannot be used (pickled, damaged or absent weights, code of its own), its
            architecture is unknown to the converter, or its tokenizer splits text in an unknown way.
        OutputError: the place cannot be written to.
        MissingExtra: the packages of the extra `train` are missing.
    """
    if outtype not in _FILE_TYPES:
        raise ArtefactError(f"the type {outtype!r} cannot be exported; known are {', '.join(_FILE_TYPES)}")
    checked = decoder_folder.check(hf_folder)
    gguf = extras.require("gguf", extra="train", feature=_FEATURE)
    torch = extras.require("torch", extra="train", feature=_FEATURE)
    with files.whole_file(out_file) as beside, _silent(), torch.inference_mode():
        try:
            converter = _converter(checked, beside, gguf.LlamaFileType[_FILE_TYPES[outtype]])
            with contextlib.closing(converter.gguf_writer) as writer:
                converter.prepare_tensors()
                converter.prepare_metadata(vocab_only=False)
                writer.write_header_to_file(path=beside)
                writer.write_kv_data_to_file()
                writer.write_tensors_to_file(progress=False)
        except _REFUSALS as error:
            raise ArtefactError(f"{hf_folder} cannot be exported to GGUF: {error}") from error


def tensor_names(checked: DecoderFolder, layers: int) -> Callable[[str], str | None]:
    """Returns a function from a module's name in transformers to its name in the GGUF file, or None.

    Raises:
        ArtefactError: the converter does not know the architecture.
    """
    gguf = extras.require("gguf", extra="train", feature=_FEATURE)
    names = gguf.get_tensor_name_map(_class_for(checked).model_arch, layers)
    found: Callable[[str], str | None] = names.get_name
    return found


def _class_for(checked: DecoderFolder) -> Any:
    conversion = extras.require("conversion", extra="train", feature=_FEATURE)
    try:
        return conversion.get_model_class(checked.architecture)
    except NotImplementedError as error:
        raise ArtefactError(
            f"{checked.path} is a {checked.architecture}, which the converter to GGUF does not know"
        ) from error


def _converter(checked: DecoderFolder, place: Path, file_type: Any) -> Any:
    conversion = extras.require("conversion", extra="train", feature=_FEATURE)
    hparams = conversion.ModelBase.load_hparams(checked.path, is_mistral_format=False)
    made_for = _class_for(checked)

    class Converter(made_for):  # type: ignore[misc, valid-type]
        """The converter's class for the architecture, with names for tokenizers it does not recognise."""

        model_arch = made_for.model_arch

        def get_vocab_base_pre(self, tokenizer: Any) -> str:
            try:
                known: str = super().get_vocab_base_pre(tokenizer)
            except NotImplementedError:
                return pre_tokenizer.name_of(checked.path)
            return known

    converter = Converter(checked.path, file_type, place, model_name="model", hparams=_complete(hparams))
    # The file's metadata would else name the folder the model was exported from: a place below a file
    # does not exist, and has no model card.
    converter.dir_model_card = checked.path / "config.json" / "model"
    return converter


def _complete(hparams: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the configuration with the keys under which the converter looks for renamed values."""
    complete = dict(hparams)
    rope = complete.get("rope_parameters") or {}
    if "n_positions" in complete:
        complete.setdefault("n_ctx", complete["n_positions"])
    if complete.get("model_type") == "gpt_neox":
        complete.setdefault("rotary_pct", rope.get("partial_rotary_factor", 1.0))
    return complete


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
