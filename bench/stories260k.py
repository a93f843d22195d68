"""Real weights of 260,032 parameters: the published text again, and what fewer bits cost."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from bench import decoder_process, engine_parity, family_tokenizers
from bench.fewer_bits_table import FLOATS, INTEGERS, LED, Loss, Row, of_four_bits, of_integers, table
from suffice.adapt.decoder.gguf_files import export, importance, llama2c
from suffice.adapt.decoder.gguf_files.quantise import Fallback, quantise
from suffice.adapt.decoder.published.families import FAMILIES
from suffice.models.decode.generate import Job, complete
from suffice.models.decode.sampling import Sampling
from suffice.models.engine import DecoderEngine
from suffice.models.gguf import header
from suffice.models.gguf.engine import LlamaEngine
from suffice.models.prompt import Part
from suffice.models.transformers import int8
from suffice.models.transformers.engine import TransformersEngine, loaded, quiet
from suffice.models.transformers.folder import WEIGHTS

TOKENS = 256
_CONTEXT = 512
_BETWEEN = "<|endoftext|>"
_TYPES = ("Q8_0", "Q5_K_M", "Q4_K_M", "Q4_0")
_CALIBRATION_STORIES = 12
_WIDE = {"hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 12}


def published(data: Path) -> str:
    """Returns the text that the model's publisher printed at temperature 0."""
    page = (data / "stories260k" / "stories260K.md").read_text(encoding="utf-8")
    return page.split("-t 0.0\n")[1].split("\n```")[0].strip()


def stories(data: Path) -> list[str]:
    """Returns the held-out stories."""
    text = (data / "tinystories_sample" / "sample.txt").read_text(encoding="utf-8")
    return [story.strip() for story in text.split(_BETWEEN) if story.strip()]


def told(engine: DecoderEngine, *, temperature: float = 0.0, seeds: Sequence[int] = (0,)) -> list[str]:
    """Returns what the model writes from its first token on, a text a seed."""
    start = engine.tokenize([], is_start=True)
    jobs = [
        Job(tokens=start, max_tokens=TOKENS, sampling=Sampling(temperature=temperature, seed=seed))
        for seed in seeds
    ]
    return [completion.text.strip() for completion in complete(engine, jobs)]


def loss(engine: DecoderEngine, texts: Sequence[str]) -> Loss:
    """Returns the loss of each text, of which at most 512 tokens are read."""
    means, counts = [], []
    for text in texts:
        tokens = engine.tokenize([Part(text=text, is_markup=False)], is_start=True)[:_CONTEXT]
        logits = engine_parity.logits(engine, tokens).astype(np.float64)[:-1]
        given = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        means.append(-given[np.arange(len(given)), tokens[1:]].mean())
        counts.append(len(given))
    return Loss(stories=np.array(means), weights=np.array(counts))


def _row(name: str, file: Path, fallbacks: tuple[Fallback, ...], *, data: Path) -> Row:
    engine = LlamaEngine(file)
    try:
        return Row(
            name=name,
            bytes=file.stat().st_size,
            bits=header.read(file).bits_per_weight,
            fallbacks=fallbacks,
            loss=loss(engine, stories(data)),
            same_words=_words_alike(told(engine)[0], published(data)),
            served=decoder_process.measure(file, tokens=TOKENS),
        )
    finally:
        engine.close()


def integers(folder: Path, place: Path) -> dict[str, Any]:
    """Returns what was made of a folder's layers in `place`: 8-bit integers, with the same tokenizer."""
    place.mkdir()
    about = int8.save(loaded(folder, None, torch), place)
    for path in folder.glob("tokenizer*"):
        shutil.copy2(path, place / path.name)
    return about


def _torch_rows(folder: Path, place: Path, *, data: Path | None, tokens: int) -> list[Row]:
    """Returns the rows of a folder run by transformers, in floats and in 8-bit integers made in `place`.

    Without `data` loss and text are left out: the weights are random.
    """
    about = integers(folder, place)
    rows = []
    for name, one, bits in ((FLOATS, folder, 32.0), (INTEGERS, place, float(about["bits_per_weight"]))):
        engine = TransformersEngine(one)
        rows.append(
            Row(
                name=name,
                bytes=(one / WEIGHTS).stat().st_size,
                bits=bits,
                fallbacks=(),
                loss=None if data is None else loss(engine, stories(data)),
                same_words=None if data is None else _words_alike(told(engine)[0], published(data)),
                served=decoder_process.measure(one, tokens=tokens),
            )
        )
    return rows


def _words_alike(text: str, wanted: str) -> int:
    """Returns how many words are the same before the first that differs."""
    pairs = zip(text.split(), wanted.split(), strict=False)
    return next(
        (index for index, (a, b) in enumerate(pairs) if a != b), min(len(text.split()), len(wanted.split()))
    )


def _small(folder: Path, data: Path) -> list[Row]:
    export.write_gguf(folder, folder / "f32.gguf", outtype="f32")
    export.write_gguf(folder, folder / "f16.gguf", outtype="f16")
    rows = [_row(kind, folder / f"{kind}.gguf", (), data=data) for kind in ("f32", "f16")]
    for kind in _TYPES:
        made = quantise(folder / "f32.gguf", folder / f"{kind}.gguf", type=kind)
        rows.append(_row(kind, made.path, made.fallbacks, data=data))
    engine = LlamaEngine(folder / "f32.gguf")
    own = told(engine, temperature=1.0, seeds=range(_CALIBRATION_STORIES))
    engine.close()
    led = quantise(
        folder / "f32.gguf", folder / "led.gguf", type="Q4_0", importance=importance.measure(folder, own)
    )
    rows.append(_row(LED, led.path, led.fallbacks, data=data))
    return rows + _torch_rows(folder, folder.parent / "small-int8", data=data, tokens=TOKENS)


def _wide(folder: Path, data: Path) -> list[Row]:
    """Returns rows of a model of random weights whose rows fit every type; it has no loss worth a number."""
    family = next(one for one in FAMILIES if one.name == "SmolLM2")
    text = (data / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8")
    family_tokenizers.write(family, folder, texts=text.splitlines()[:1500], data=None)
    config = transformers.LlamaConfig(
        vocab_size=family_tokenizers.VOCABULARY,
        num_attention_heads=16,
        num_key_value_heads=4,
        max_position_embeddings=_CONTEXT,
        eos_token_id=0,
        bos_token_id=None,
        **_WIDE,
    )
    torch.manual_seed(0)
    with quiet(transformers):
        transformers.LlamaForCausalLM(config).save_pretrained(folder)
    export.write_gguf(folder, folder / "f16.gguf", outtype="f16")
    files: list[tuple[str, Path, tuple[Fallback, ...]]] = [("f16", folder / "f16.gguf", ())]
    for kind in ("Q8_0", "Q4_K_M", "Q4_0"):
        made = quantise(folder / "f16.gguf", folder / f"{kind}.gguf", type=kind)
        files.append((kind, made.path, made.fallbacks))
    rows = [
        Row(
            name=kind,
            bytes=file.stat().st_size,
            bits=header.read(file).bits_per_weight,
            fallbacks=fallbacks,
            loss=None,
            same_words=None,
            served=decoder_process.measure(file, tokens=32),
        )
        for kind, file, fallbacks in files
    ]
    return rows + _torch_rows(folder, folder.parent / "wide-int8", data=None, tokens=32)


def main() -> None:
    """Print the section."""
    data = Path(os.environ.get("SUFFICE_DATA", "../shared/data"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "stories"
        folder.mkdir()
        source = data / "stories260k"
        llama2c.to_folder(source / "stories260K.bin", source / "tok512.bin", folder)
        small = _small(folder, data)
        wanted = published(data)
        engines: dict[str, DecoderEngine] = {
            "transformers, f32": TransformersEngine(folder),
            "llama.cpp, f32": LlamaEngine(folder / "f32.gguf"),
        }
        words = len(wanted.split())
        for name, engine in engines.items():
            same = "equal" if told(engine)[0] == wanted else "differs"
            print(f"- {name}: the published text ({words} words) at temperature 0: {same}")
        slow = loss(engines["transformers, f32"], stories(data))
        print(f"- held-out loss by transformers: {slow.mean:.4f} nats a token, n = {slow.weights.sum():,}")
        print()
        print("\n".join(table(small, words)))
        other = Path(temporary) / "wide"
        other.mkdir()
        wide = _wide(other, data)
        print(f"\nA Llama of random weights, {_WIDE}, whose rows fit every type (memory and speed alone):\n")
        print("\n".join(table(wide, words)))
        print("\n".join((*of_four_bits(small, wide), *of_integers(small, wide))))


if __name__ == "__main__":
    main()
