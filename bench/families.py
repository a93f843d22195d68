"""Every family from random weights to a quantised GGUF file: writes docs/families.md."""

import argparse
import os
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import family_chain
from bench.engine_parity import Parity
from bench.family_chain import Outcome
from suffice.adapt.decoder.published import families_accounts
from suffice.adapt.decoder.published.families import FAMILIES, Family
from suffice.errors import SufficeError

PAGE = Path("docs/families.md")
_LINES = 1500
_LONG = 8192
# What counts as parity: logits of this size are of the order of 1.
_F32_DIFFERENCE = 0.002
# A router chooses otherwise at near ties, so a mixture of experts may be further off.
_Q8_KL, _Q8_KL_EXPERTS = 1e-4, 1e-3


@dataclass(frozen=True, kw_only=True)
class Row:
    """One family's outcome, or the reason why its chain broke off."""

    family: Family
    outcome: Outcome | None
    broken: str = ""

    def reasons(self) -> list[str]:
        """Returns what is not as it should be, in words; [] where all is."""
        if self.outcome is None:
            return [self.broken]
        out = self.outcome
        same, lines = out.same_tokens
        greedy, written = out.same_greedy
        known, ends = out.stops
        most = _Q8_KL_EXPERTS if "num_local_experts" in self.family.sizes else _Q8_KL
        checks = {
            f"f32 logits differ by {out.f32.max_difference:.2g}": not _within(out.f32),
            f"Q8_0 is {out.q8_0.kl:.1e} nats off": out.q8_0.kl > most,
            f"{lines - same} of {lines:,} lines become other tokens": same != lines,
            f"{written - greedy} of {written} greedy tokens differ": greedy != written,
            "the chat template renders another text": out.chat is not None and not out.chat[0],
            "in chats llama.cpp puts a space after control tokens, transformers only at a text's start": (
                out.chat is not None and out.chat[0] and not out.chat[1]
            ),
            "a prompt is read as other tokens in training and in serving": (
                out.chat is not None and not out.chat[2]
            ),
            f"llama.cpp also stops at {len(ends - known)} token that generation_config does not name": ends
            > known,
            "stop tokens differ": not ends >= known,
            "token ids differ from the published ones": out.vectors is not None
            and out.vectors[0] != out.vectors[1],
            "llama.cpp does not use the sliding window": out.window is not None and not _within(out.window),
        }
        return [reason for reason, applies in checks.items() if applies]


def _within(found: Parity) -> bool:
    return found.max_difference <= _F32_DIFFERENCE


def rows(families: Sequence[Family], *, texts: Sequence[str], data: Path | None) -> list[Row]:
    """Returns one row per family; a chain that breaks off is a row with its reason."""
    found = []
    for family in families:
        with tempfile.TemporaryDirectory() as folder:
            try:
                outcome = family_chain.run(family, Path(folder), texts=texts, data=data)
            except (SufficeError, RuntimeError, ValueError, TypeError, KeyError) as error:
                found.append(Row(family=family, outcome=None, broken=f"{type(error).__name__}: {error}"))
            else:
                found.append(Row(family=family, outcome=outcome))
    return found


def page(found: Sequence[Row], *, seconds: float) -> str:
    """Returns docs/families.md."""
    full = sum(not row.reasons() for row in found)
    return "\n".join(
        [
            "# Families of small language models",
            "",
            f"Written by `python -m bench.families` ({seconds:.0f} s); do not edit.",
            "",
            "For each family: its configuration class of transformers, 2 layers of width 256, random weights",
            "(norms and biases too, so that they are tested); generate, 2 steps of LoRA, merge, safetensors,",
            "GGUF, Q8_0 and Q4_K_M, llama.cpp. Published weights are not needed for any of this, and nothing",
            "here says how good a family's answers are.",
            "",
            f"**{full} of {len(found)} families pass every check; what differs is named under each table.**",
            "",
            "## From configuration to llama.cpp",
            "",
            f"Logits of llama.cpp against transformers (float32) over {family_chain.POSITIONS} positions of",
            "one text: largest difference, positions with the same likeliest token, mean KL divergence in",
            f"nats. Parity means: f32 within {_F32_DIFFERENCE},",
            f"Q8_0 within {_Q8_KL:.0e} nats ({_Q8_KL_EXPERTS:.0e} with experts: routers flip at near ties).",
            "Q4_K_M is shown, not judged: random weights are its worst case.",
            "Bits are true bits per weight over all tensors. LoRA: loss before and after; merging moves",
            f"logits by at most {_most_by_merging(found):.1e}.",
            "Chat: whether the template in the GGUF file renders the same text as transformers, whether",
            "llama.cpp makes the same tokens of that text, and whether a prompt as suffice puts it (each",
            "part for itself, a user's control tokens as mere text) becomes the same tokens in training and",
            "in serving.",
            *_vectors(found),
            "",
            *_chain_table(found),
            "",
            *_differences(found),
            "",
            "## Architecture, parameters, context",
            "",
            "Numbers of the published model, its shape built without memory and counted. Active: what takes",
            "part in one token. Context: keys and values in f32, as the gguf engine keeps them (f16 takes",
            f"half); bytes per token with every layer, MiB at {_LONG:,} tokens with the configuration's",
            "windows (llama.cpp keeps all where it does not use them). Tiny: computed, and measured as the",
            "growth of llama.cpp's state of a sequence, which has 12 bytes more a token and cache for",
            "positions.",
            "",
            *_shape_table(found),
            "",
            *_windows(found),
            "",
        ]
    )


def _chain_table(found: Sequence[Row]) -> list[str]:
    lines = _head(
        "family, configuration, tokenizer, LoRA loss, f32, Q8_0, Q4_K_M; bits, same tokens; lines,"
        " chat: text; tokens; prompt, same stops, same greedy, all"
    )
    for row in found:
        family, out = row.family, row.outcome
        if out is None:
            lines.append(f"| {family.name} | {family.config_class} |" + " - |" * 9 + " **fails** |")
            continue
        own = "its own" if out.own_tokenizer else f"{family.words}, learnt here"
        chat = "base model" if out.chat is None else ", ".join(map(_yes, out.chat))
        cells = [
            family.name,
            family.config_class,
            own,
            f"{out.lora_loss[0]:.2f} to {out.lora_loss[1]:.2f}",
            _cell(out.f32),
            _cell(out.q8_0),
            f"{_cell(out.q4_k_m)}; {out.q4_k_m_file.bits_per_weight:.2f}",
            f"{out.same_tokens[0]:,} of {out.same_tokens[1]:,}",
            chat,
            _yes(out.stops[0] == out.stops[1]),
            f"{out.same_greedy[0]} of {out.same_greedy[1]}",
            "pass" if not row.reasons() else "differs",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _most_by_merging(found: Sequence[Row]) -> float:
    return max((row.outcome.merged_difference for row in found if row.outcome), default=0.0)


def _vectors(found: Sequence[Row]) -> list[str]:
    return [
        f"{row.family.name}: llama.cpp gives the published token ids for {row.outcome.vectors[0]} of"
        f" {row.outcome.vectors[1]} published test strings."
        for row in found
        if row.outcome and row.outcome.vectors
    ]


def _head(names: str) -> list[str]:
    columns = names.split(", ")
    return ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]


def _cell(found: Parity) -> str:
    return f"{found.max_difference:.1e}, {found.top_1}, {found.kl:.0e}"


def _yes(value: bool) -> str:  # noqa: FBT001 - it says the value
    return "yes" if value else "no"


def _differences(found: Sequence[Row]) -> list[str]:
    lines = [f"- {row.family.name}: {reason}." for row in found for reason in row.reasons()]
    return ["What differs:", "", *lines] if lines else ["Nothing differs."]


def _shape_table(found: Sequence[Row]) -> list[str]:
    lines = _head(
        "family, published model, positions, activation, query / key heads, window (layers), experts,"
        " parameters (1e6), active (1e6), K-quants fit, context bytes/token, MiB at 8192,"
        " tiny: computed; measured"
    )
    for row in found:
        config = families_accounts.configuration(row.family)
        shape, counts = families_accounts.context(config), families_accounts.parameters(config)
        traits = families_accounts.traits(config)
        grouped = "" if shape.key_heads == shape.query_heads else " (grouped)"
        experts = getattr(config, "num_local_experts", None)
        odd = sorted({width for width in _rows(config) if width % 256})
        window = (
            "none"
            if shape.window is None
            else f"{shape.window:,} ({shape.windowed_layers} of {shape.layers})"
        )
        out = row.outcome
        cells = [
            row.family.name,
            row.family.published,
            traits.positions,
            traits.activation,
            f"{shape.query_heads} / {shape.key_heads}{grouped}",
            window,
            "none" if experts is None else f"{config.num_experts_per_tok} of {experts}",
            f"{counts.total / 1e6:,.1f}",
            f"{counts.active / 1e6:,.1f}",
            f"fall back: rows of {', '.join(map(str, odd))}" if odd else "yes",
            f"{shape.bytes_per_token:,}",
            f"{shape.bytes_at(_LONG) / 2**20:,.0f}",
            "not measured" if out is None else f"{out.cache_computed:,}, {out.cache_measured:,.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _rows(config: Any) -> tuple[int, int]:
    """Returns the lengths of the rows of a configuration's matrices: its width and its inner width."""
    return config.hidden_size, getattr(config, "intermediate_size", 4 * config.hidden_size)


def _windows(found: Sequence[Row]) -> list[str]:
    lines = [
        f"Sliding windows: a window of {family_chain.WINDOW}, {family_chain.POSITIONS} positions, f32:",
        "",
    ]
    for row in found:
        if row.outcome is not None and row.outcome.window is not None:
            kept = "used by llama.cpp" if _within(row.outcome.window) else "**not used by llama.cpp**"
            lines.append(f"- {row.family.name}: {kept}: {_cell(row.outcome.window)}.")
    return [
        *lines,
        "",
        "Where it is not used, answers to texts longer than the published window differ from transformers';",
        "within the window they are equal, which is what the table above shows.",
    ]


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.families", description=__doc__)
    parser.add_argument("--page", type=Path, default=PAGE, help=f"the file to write (default: {PAGE})")
    parser.add_argument("--only", nargs="+", help="names of families; prints instead of writing the page")
    chosen = parser.parse_args()
    warnings.filterwarnings("ignore", module="peft")  # says which settings it found for itself
    data = Path(os.environ.get("SUFFICE_DATA", "../shared/data"))
    text = (data / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8")
    texts = [line for line in text.splitlines() if line.strip()][:_LINES]
    families = [family for family in FAMILIES if not chosen.only or family.name in chosen.only]
    began = time.monotonic()
    found = rows(families, texts=texts, data=data)
    written = page(found, seconds=time.monotonic() - began)
    if chosen.only:
        print(written)
    else:
        chosen.page.write_text(written, encoding="utf-8")
    for row in found:
        print(f"{row.family.name}: {'; '.join(row.reasons()) or 'pass'}")


if __name__ == "__main__":
    main()
