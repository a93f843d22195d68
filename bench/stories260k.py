"""Real weights of 260,032 parameters: the published text again, and what fewer bits cost."""

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from scipy import stats

from bench import decoder_process, engine_parity, family_tokenizers
from bench.decoder_process import Served
from suffice.adapt.decoder.gguf_files import export, importance, llama2c
from suffice.adapt.decoder.gguf_files.quantise import Fallback, quantise
from suffice.adapt.decoder.published.families import FAMILIES
from suffice.models.decode.generate import Job, complete
from suffice.models.decode.sampling import Sampling
from suffice.models.engine import DecoderEngine
from suffice.models.gguf import header
from suffice.models.gguf.engine import LlamaEngine
from suffice.models.prompt import Part
from suffice.models.transformers.engine import TransformersEngine, quiet

TOKENS = 256
_CONTEXT = 512
_BETWEEN = "<|endoftext|>"
_TYPES = ("Q8_0", "Q5_K_M", "Q4_K_M", "Q4_0")
_LED = "Q4_0, importance matrix"
_CALIBRATION_STORIES = 12
_WIDE = {"hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 12}


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Mean negative log-probability a token, in nats, of each story; `tokens` in all."""

    stories: NDArray[np.float64]
    weights: NDArray[np.int64]

    @property
    def mean(self) -> float:
        """Returns the mean over all tokens."""
        return float(np.average(self.stories, weights=self.weights))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One file: its size, its loss, and what serving it takes."""

    name: str
    bytes: int
    bits: float
    fallbacks: tuple[Fallback, ...]
    loss: Loss | None
    same_words: int | None
    served: Served


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


def difference(one: Loss, other: Loss) -> str:
    """Returns how much higher the first loss is, with a 95% t-interval over the stories."""
    apart = one.stories - other.stories
    half = float(stats.t.ppf(0.975, len(apart) - 1) * apart.std(ddof=1) / np.sqrt(len(apart)))
    return f"{apart.mean():+.4f} [{apart.mean() - half:+.4f}, {apart.mean() + half:+.4f}]"


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
    rows.append(_row(_LED, led.path, led.fallbacks, data=data))
    return rows


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
        transformers.LlamaForCausalLM(config).half().save_pretrained(folder)
    export.write_gguf(folder, folder / "f16.gguf", outtype="f16")
    files: list[tuple[str, Path, tuple[Fallback, ...]]] = [("f16", folder / "f16.gguf", ())]
    for kind in ("Q8_0", "Q4_K_M", "Q4_0"):
        made = quantise(folder / "f16.gguf", folder / f"{kind}.gguf", type=kind)
        files.append((kind, made.path, made.fallbacks))
    return [
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


_COLUMNS = (
    "file",
    "bytes",
    "bits/weight, true",
    "tensors that fell back",
    "held-out loss, nats/token",
    "against f32 [95% t, 6 stories]",
    "words as published",
    "resident MB (before loading; of it the file's own pages)",
    "tokens/s",
)


def _table(rows: Sequence[Row], words: int) -> list[str]:
    lines = ["| " + " | ".join(_COLUMNS) + " |", "|---" * len(_COLUMNS) + "|"]
    first = rows[0].loss
    for row in rows:
        measured = row.loss is not None and first is not None and row.same_words is not None
        cells = [
            row.name,
            f"{row.bytes:,}",
            f"{row.bits:.2f}",
            _fell(row.fallbacks),
            f"{row.loss.mean:.4f}, n = {row.loss.weights.sum():,}" if row.loss else "not measured",
            difference(row.loss, first) if row.loss and first else "not measured",
            f"{row.same_words} of {words}" if measured else "not measured",
            _memory(row.served),
            f"{row.served.tokens_per_s:,.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _memory(served: Served) -> str:
    parts = f"{served.before_bytes / 1e6:.0f}; {served.mapped_bytes / 1e6:.1f}"
    return f"{served.resident_bytes / 1e6:.0f} ({parts})"


def _fell(fallbacks: Sequence[Fallback]) -> str:
    ways = Counter((one.wanted, one.used, one.row) for one in fallbacks)
    said = [f"{count} {old} to {new} (rows of {row})" for (old, new, row), count in sorted(ways.items())]
    return ", ".join(said) or "none"


def _less(one: int, other: int) -> str:
    return f"{1 - one / other:.1%}"


def _answer(small: Sequence[Row], wide: Sequence[Row]) -> list[str]:
    """Returns what the readings say of "4 bits take 75% less memory with minimal loss"."""
    sixteen = {row.name: row for row in wide}
    lines = ["", '"4 bits take 75% less memory, with minimal loss":', ""]
    for kind in ("Q4_0", "Q4_K_M"):
        four, whole = sixteen[kind], sixteen["f16"]
        here, there = four.served, whole.served
        model = _less(here.resident_bytes - here.before_bytes, there.resident_bytes - there.before_bytes)
        lines.append(
            f"- {kind} where every row fits: file {_less(four.bytes, whole.bytes)} smaller than f16; resident"
            f" memory of the model {model} less, of the process"
            f" {_less(here.resident_bytes, there.resident_bytes)} less;"
            f" {here.tokens_per_s / there.tokens_per_s:.2f} times the tokens/s."
        )
    lines.append(
        "- What is neither there before loading nor the file's own pages is the same context and work memory"
        " for each type, and the copy that the engine rearranges for its fastest multiplication: "
        + ", ".join(f"{row.name} {row.served.other_bytes / 1e6:.0f} MB" for row in wide)
        + "."
    )
    losses = {row.name: row.loss for row in small if row.loss is not None}
    files = {row.name: row.bytes for row in small}
    lines += [
        f"- {kind} on the trained weights: file {_less(files[kind], files['f16'])} smaller than f16, loss"
        f" {difference(losses[kind], losses['f32'])} nats a token."
        for kind in ("Q8_0", "Q4_K_M", "Q4_0", _LED)
    ]
    lines.append(
        f"- The importance matrix moves the loss of Q4_0 by {difference(losses[_LED], losses['Q4_0'])}."
    )
    return lines


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
        print("\n".join(_table(small, words)))
        other = Path(temporary) / "wide"
        other.mkdir()
        wide = _wide(other, data)
        print(f"\nA Llama of random weights, {_WIDE}, whose rows fit every type (memory and speed alone):\n")
        print("\n".join(_table(wide, words)))
        print("\n".join(_answer(small, wide)))


if __name__ == "__main__":
    main()
