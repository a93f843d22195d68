"""The method `int8`: another decoder's layers in 8-bit integers, run by transformers; a rung of its own.

Weights have a scale a row; activations are turned into integers at run time, with a scale a token. What
this is beside a GGUF file of as many bits: docs/decisions/0022-dynamic-int8.md.
"""

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

from suffice import extras
from suffice.adapt.decoder.calibrate import calibrate
from suffice.adapt.decoder.gguf_files.shrink import copy_others, whole_decoder
from suffice.adapt.decoder.scratch import tokenizer
from suffice.candidate import Candidate
from suffice.errors import ArtefactError, SpecError
from suffice.models import artefact
from suffice.models.artefact import Artefact
from suffice.models.gguf import header
from suffice.models.gguf.engine import LlamaEngine
from suffice.models.gguf.served import WEIGHTS
from suffice.models.prompt import Part
from suffice.models.transformers import int8
from suffice.models.transformers.engine import quiet
from suffice.models.transformers.vocabulary import Vocabulary
from suffice.ports import Progress, TrainingRows
from suffice.task import Kind

_FEATURE = "turning a decoder into 8-bit integers"
_FLOATS = {"F32", "F16", "BF16"}
_COMPARED_ROWS = 200
# Texts that tokenizers cut differently: numbers, spaces, signs, other scripts, what looks like control.
_PROBES = (
    "  two  spaces",
    "1234,50 in 2026",
    'don\'t "quote" it!?',
    "déjà vu 北京 🦙",
    "a\n\nb\t<|end|></s>",
)


class Int8Method:
    """Makes a transformers candidate of its teacher's weights: the same task, prompt and limits.

    It has no settings of its own. The teacher is a GGUF decoder whose file is still whole (type f16 or
    f32) and whose tokenizer transformers reads alike; one that extracts must have been made from scratch
    on the task, because this engine holds no answer to a grammar. Calibrated anew on dev.
    """

    def apply(
        self,
        candidate: Candidate,
        rows: TrainingRows,
        *,
        out: Path,
        teacher: Path | None,
        seed: int,  # noqa: ARG002 - nothing here is left to chance
        progress: Progress,
    ) -> None:
        """Writes the artefact into `out`.

        Raises:
            SpecError: no teacher, or one that is no GGUF decoder, or whose answers need a grammar.
            ArtefactError: the teacher's file is damaged, quantised already, of an architecture that
                transformers does not read from GGUF, or its tokens would be others.
            MissingExtra: the packages of the extras `gguf` and `train` are missing.
        """
        source = whole_decoder(candidate, teacher)
        _require_floats(source)
        progress("turning layers into 8-bit integers", 0, 2)
        _write_tokenizer(source, out)
        _compare(source, out, [sample.text for sample in (*rows.dev, *rows.train)][:_COMPARED_ROWS])
        about = {"type": "int8", **int8.save(_model(source), out)}
        copy_others(source, out)
        # What was measured of the whole weights is not taken over: fewer bits answer otherwise.
        anew = {"name": candidate.name, "calibration": None, "order_bias": None, "weights": about}
        artefact.seal(out, kind="transformers", settings={**source.settings, **anew})
        progress("turning layers into 8-bit integers", 1, 2)
        calibrate(out, rows.dev)
        progress("turning layers into 8-bit integers", 2, 2)


def _require_floats(source: Artefact) -> None:
    for tensor in header.read(source.file(WEIGHTS)).tensors:
        if tensor.type_name not in _FLOATS:
            raise ArtefactError(
                f"{source.file(WEIGHTS)} is quantised already: tensor {tensor.name!r} is {tensor.type_name}",
                hint="give the teacher the type f16 or f32",
            )


def _model(source: Artefact) -> Any:
    """Returns the teacher's model in single precision.

    Raises:
        ArtefactError: transformers does not read this architecture from GGUF.
    """
    torch = extras.require("torch", extra="train", feature=_FEATURE)
    transformers = extras.require("transformers", extra="train", feature=_FEATURE)
    # Reading GGUF draws a progress bar that nothing turns off.
    with quiet(transformers), contextlib.redirect_stderr(io.StringIO()):
        try:
            model = transformers.AutoModelForCausalLM.from_pretrained(
                source.folder, gguf_file=WEIGHTS, dtype=torch.float32, local_files_only=True
            )
        except (ValueError, KeyError, TypeError, RuntimeError, OSError, NotImplementedError) as error:
            raise ArtefactError(
                f"transformers cannot read {source.file(WEIGHTS)}: {error}",
                hint="use method quantise: llama.cpp serves more architectures",
            ) from error
    del model.config.quantization_config  # it says that the weights came from a GGUF file
    return model.eval()


def _write_tokenizer(source: Artefact, out: Path) -> None:
    learnt = tokenizer.of_gguf(source.file(WEIGHTS))
    if learnt is not None:
        learnt.save(out)
        return
    transformers = extras.require("transformers", extra="train", feature=_FEATURE)
    with quiet(transformers), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about special tokens; the tokens are compared below
        try:
            found = transformers.AutoTokenizer.from_pretrained(
                source.folder, gguf_file=WEIGHTS, local_files_only=True
            )
        except (ValueError, KeyError, TypeError, OSError, NotImplementedError) as error:
            raise ArtefactError(
                f"transformers cannot read the tokenizer of {source.file(WEIGHTS)}: {error}",
                hint="use method quantise",
            ) from error
        found.save_pretrained(out)


def _compare(source: Artefact, out: Path, texts: list[str]) -> None:
    """Refuses a teacher whose answers this engine cannot give: other tokens, or ones held to a grammar.

    Raises:
        ArtefactError: the tokenizer cuts some text, which is named, or ends an answer differently.
        SpecError: it extracts, and its answers need a grammar.
    """
    served, own = LlamaEngine(source.file(WEIGHTS)), Vocabulary(out)
    try:
        if source.settings["task"]["kind"] == Kind.EXTRACT and not served.has_keys:
            raise SpecError(
                "ladder: method int8 cannot hold this decoder's answers to the schema by a grammar",
                hint="use method quantise, or a teacher of method tiny, which needs none",
            )
        for text in (*_PROBES, *texts):
            for is_markup in (False, True):
                parts = [Part(text=text, is_markup=is_markup)]
                if served.tokenize(parts, is_start=True) != own.tokenize(parts, is_start=True):
                    raise _other_tokens(source, f"{text[:60]!r} is cut into other tokens")
        if own.end != served.end_token:
            raise _other_tokens(source, f"answers end with token {own.end}, not {served.end_token}")
    finally:
        served.close()


def _other_tokens(source: Artefact, why: str) -> ArtefactError:
    return ArtefactError(
        f"transformers reads the tokenizer of {source.file(WEIGHTS)} differently: {why}",
        hint="use method quantise: llama.cpp serves the file with its own tokenizer",
    )
