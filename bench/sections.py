"""The sections of docs/benchmarks.md: what each one measures, its command, and its place in the file."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_MARK = "<!-- section: {name}, {seconds:.0f} s -->"
_BLOCK = re.compile(
    r"<!-- section: (?P<name>[\w-]+), (?P<seconds>\d+) s -->\n(?P<text>.*?)<!-- end: (?P=name) -->", re.DOTALL
)


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part of the page: `command` is run as `python <command>` and prints Markdown."""

    name: str
    title: str
    command: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Block:
    """What a section's last run left: its text, and the seconds it took."""

    seconds: float
    text: str


SECTIONS = (
    Section(
        name="clinc-linear",
        title="CLINC150: the linear rungs",
        command=("-m", "bench.clinc_linear"),
    ),
    Section(
        name="clinc-encoder",
        title="CLINC150: the encoder rungs",
        command=("-m", "bench.clinc_encoder"),
    ),
    Section(
        name="clinc-finetune",
        title="CLINC150: the encoder trained whole",
        command=("-m", "bench.clinc_encoder", "--section", "finetune"),
    ),
    Section(name="peers", title="CLINC150: side by side with peers", command=("-m", "bench.peers")),
    Section(
        name="recorded",
        title="Ladders of real recorded models",
        command=("-m", "bench.recorded"),
    ),
    Section(
        name="agreement-cascade",
        title="GSM8K: small models that agree, else the best",
        command=("-m", "bench.agreement_cascade"),
    ),
    Section(name="snips", title="SNIPS: an utterance to an object", command=("-m", "bench.snips")),
    Section(
        name="restaurant8k",
        title="Restaurant8k: span taggers by training rows",
        command=("-m", "bench.restaurant8k"),
    ),
    Section(name="routellm", title="Certified cascades on RouteLLM", command=("-m", "bench.routellm")),
    Section(
        name="proof",
        title="The proof engine by simulation",
        command=("-m", "bench.proof", "--reps", "2000"),
    ),
    Section(name="judges", title="Recorded judges against gold", command=("-m", "bench.judges")),
    Section(
        name="judge-errors",
        title="Judges that are wrong on purpose, beside people's labels",
        command=("-m", "bench.judge_errors"),
    ),
    Section(
        name="gguf-engine",
        title="The decoder engine: choosing, decoding, prefixes, guesses",
        command=("-m", "bench.gguf_engine"),
    ),
    Section(
        name="stories260k",
        title="Real weights at fewer bits: stories260K",
        command=("-m", "bench.stories260k"),
    ),
    Section(
        name="decoder-methods",
        title="SNIPS to {intent, slots}: decoders from scratch, by size",
        command=("-m", "bench.decoder_methods"),
    ),
    Section(
        name="decoder-tuning",
        title="LoRA and full fine-tuning of one trained decoder",
        command=("-m", "bench.decoder_tuning"),
    ),
    Section(
        name="label-order",
        title="The order of the labels in a prompt, on trained decoders",
        command=("-m", "bench.label_order"),
    ),
    Section(
        name="gateway",
        title="The gateway beside a bare pass-through and a rival",
        command=("-m", "bench.gateway"),
    ),
    Section(name="gateway-local", title="Local tiers over HTTP", command=("-m", "bench.gateway.local_tiers")),
    Section(name="gateway-soak", title="A long load with faults", command=("-m", "bench.gateway.soak")),
    Section(
        name="gateway-fuzz",
        title="Malformed requests and garbled streams",
        command=("-m", "bench.gateway.fuzz"),
    ),
    Section(name="privacy", title="Private data: what is found", command=("-m", "bench.privacy")),
    Section(name="big-file", title="Reading 10,000,000 rows", command=("-m", "bench.big_file")),
)


def written(section: Section, output: str, *, when: str, seconds: float) -> Block:
    """Returns a section's block: title, command, date and time taken, then its output a heading lower."""
    command = " ".join(("python", *section.command))
    lower = re.sub(r"^(#{1,5} )", r"#\1", output.strip(), flags=re.MULTILINE)
    head = f"## {section.title}\n\n`{command}`, {when}, {seconds:.0f} s.\n\n"
    return Block(seconds=seconds, text=f"{head}{lower}\n")


def blocks_of(page: str) -> dict[str, Block]:
    """Returns the blocks a page has, by section."""
    return {
        found["name"]: Block(seconds=float(found["seconds"]), text=found["text"])
        for found in _BLOCK.finditer(page)
    }


def page_of(blocks: Mapping[str, Block], *, machine: Sequence[str]) -> str:
    """Returns the page: machine first, then every section in the order of SECTIONS, measured or not."""
    total = sum(block.seconds for block in blocks.values())
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench` (`python -m bench [--only NAME ...]`); do not edit. Real data from",
        "`SUFFICE_DATA`. Each section names its command, its date and the time it took.",
        "",
        *(f"- {line}" for line in machine),
        f"- all sections together: {total:,.0f} s",
        "",
    ]
    for section in SECTIONS:
        block = blocks.get(section.name)
        if block is None:
            command = " ".join(("python", *section.command))
            text = f"## {section.title}\n\n`{command}`: not measured yet.\n"
            block = Block(seconds=0, text=text)
        lines += [
            _MARK.format(name=section.name, seconds=block.seconds),
            block.text.rstrip("\n"),
            f"<!-- end: {section.name} -->",
            "",
        ]
    return "\n".join(lines)
