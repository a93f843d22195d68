"""The table of one decoder's files in fewer and fewer bits, and what it says of two claims."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.decoder_process import Served
from suffice.adapt.decoder.gguf_files.quantise import Fallback

LED = "Q4_0, importance matrix"
FLOATS, INTEGERS = "transformers, f32", "transformers, int8"


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


def difference(one: Loss, other: Loss) -> str:
    """Returns how much higher the first loss is, with a 95% t-interval over the stories."""
    apart = one.stories - other.stories
    half = float(stats.t.ppf(0.975, len(apart) - 1) * apart.std(ddof=1) / np.sqrt(len(apart)))
    return f"{apart.mean():+.4f} [{apart.mean() - half:+.4f}, {apart.mean() + half:+.4f}]"


_COLUMNS = (
    "file",
    "bytes",
    "bits/weight, true",
    "tensors that fell back",
    "held-out loss, nats/token",
    "against f32 [95% t, 6 stories]",
    "words as published",
    "resident MB (before loading; of it the file's own pages)",
    "tokens per cpu second, decoding",
    "tokens per cpu second, reading 256",
)


def table(rows: Sequence[Row], words: int) -> list[str]:
    """Returns the rows as Markdown; `words` is how many the published text has. The first row is f32's."""
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
            f"{row.served.read_per_s:,.0f}",
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


def of_four_bits(small: Sequence[Row], wide: Sequence[Row]) -> list[str]:
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
        + ", ".join(
            f"{row.name} {row.served.other_bytes / 1e6:.0f} MB"
            for row in wide
            if row.name not in {FLOATS, INTEGERS}
        )
        + "."
    )
    losses = {row.name: row.loss for row in small if row.loss is not None}
    files = {row.name: row.bytes for row in small}
    lines += [
        f"- {kind} on the trained weights: file {_less(files[kind], files['f16'])} smaller than f16, loss"
        f" {difference(losses[kind], losses['f32'])} nats a token."
        for kind in ("Q8_0", "Q4_K_M", "Q4_0", LED, INTEGERS)
    ]
    lines.append(
        f"- The importance matrix moves the loss of Q4_0 by {difference(losses[LED], losses['Q4_0'])}."
    )
    return lines


def of_integers(small: Sequence[Row], wide: Sequence[Row]) -> list[str]:
    """Returns what the readings say of 8-bit integers by transformers."""
    lines = ["", "8-bit integers quantised as they run (method int8), by transformers, one thread:", ""]
    for what, rows in (("trained weights", small), ("where every row fits", wide)):
        by_name = {row.name: row for row in rows}
        floats, integers, other = (by_name[name] for name in (FLOATS, INTEGERS, "Q8_0"))
        taken = [one.served.resident_bytes - one.served.before_bytes for one in (floats, integers, other)]
        decoded = [one.served.tokens_per_s for one in (floats, integers, other)]
        read = [one.served.read_per_s for one in (floats, integers, other)]
        lines.append(
            f"- {what}: file {_less(integers.bytes, floats.bytes)} smaller than f32, {integers.bytes:,} bytes"
            f" against Q8_0's {other.bytes:,}; decoding, {decoded[1] / decoded[0]:.2f} times the tokens/s of"
            f" f32 by transformers and {decoded[1] / decoded[2]:.2f} times those of Q8_0 by llama.cpp;"
            f" reading, {read[1] / read[0]:.2f} and {read[1] / read[2]:.2f} times; loading it takes"
            f" {taken[1] / 1e6:.0f} MB, f32 {taken[0] / 1e6:.0f} MB, Q8_0 {taken[2] / 1e6:.0f} MB, after"
            f" {integers.served.before_bytes / 1e6:.0f} MB of modules (Q8_0"
            f" {other.served.before_bytes / 1e6:.0f} MB)."
        )
    return lines
