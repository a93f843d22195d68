"""Measure the gguf engine on a decoder in SmolLM2-135M's shape: `python -m bench.gguf_engine`.

Weights are chance, in Q8_0: times are real, answers are not. Ways take turns, and every ratio is of two that
followed each other: its median over the turns, least and greatest in brackets.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench import gguf_model
from bench.gguf_bare import Bare
from suffice.measure import environment
from suffice.models.decode.choose import Chooser
from suffice.models.decode.generate import Job, complete, generate
from suffice.models.engine import Floats, Piece, Root
from suffice.models.gguf import library
from suffice.models.gguf.engine import LlamaEngine

_LABELS, _DOCUMENTS, _DOCUMENT_TOKENS = 20, 16, 25
_ALONE = 4  # documents of the slow ways
_PREFIX_TOKENS = 40 + 4 * _LABELS
_LONG_PREFIX_TOKENS = 348
_DECODED = 64
_DECODING_TURNS = 11  # at least: with fewer the machine's own swings are larger than what is looked for
_WORDS = range(300, 40_000)  # tokens that are plain words

Tokens = list[int]


def times(ways: Mapping[str, Callable[[], object]], *, repeats: int) -> dict[str, list[float]]:
    """Returns each way's seconds; the ways take turns, after one turn each that is not counted."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            if turn:
                took[name].append(time.perf_counter() - began)
    return took


def paired(own: Sequence[float], other: Sequence[float]) -> str:
    """Returns the other's time by one's own, turn by turn: the median, and least and greatest in brackets."""
    ratios = [theirs / mine for mine, theirs in zip(own, other, strict=True)]
    return f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"


def _said(*parts: str) -> str:
    """Returns one paragraph."""
    return " ".join(parts)


def words(rng: np.random.Generator, count: int) -> Tokens:
    """Returns tokens of plain words."""
    return [int(token) for token in rng.choice(_WORDS, size=count)]


def labels_of(rng: np.random.Generator, *, firsts: int) -> list[Tokens]:
    """Returns 20 labels of 2 to 5 tokens that begin with so many different first tokens."""
    begin = words(rng, firsts)
    lengths = rng.integers(2, 6, size=_LABELS)
    return [[begin[index % firsts], *words(rng, int(size) - 1)] for index, size in enumerate(lengths)]


def held(engine: LlamaEngine, tokens: Tokens) -> Root:
    """Returns a prefix that was read."""
    sequence = engine.open()
    engine.extend([Piece(sequence=sequence, tokens=tokens)])
    return Root(sequence=sequence, length=len(tokens))


def one_pass(engine: LlamaEngine, documents: Sequence[Tokens], root: Root) -> None:
    """Reads every document once after the prefix, 32 at a time: the least that choosing can take."""
    for start in range(0, len(documents), 31):
        part = documents[start : start + 31]
        opened = [engine.open(root.sequence) for _ in part]
        engine.extend([Piece(sequence=one, tokens=tokens) for one, tokens in zip(opened, part, strict=True)])
        for sequence in opened:
            engine.drop(sequence)


def choosing(engine: LlamaEngine, rng: np.random.Generator, repeats: int) -> list[str]:
    """Returns the table of documents per second of choosing among 20 labels, and of its rivals."""
    prefix = words(rng, _PREFIX_TOKENS)
    documents = [words(rng, _DOCUMENT_TOKENS) for _ in range(_DOCUMENTS)]
    few = documents[:_ALONE]
    distinct, sharing = labels_of(rng, firsts=_LABELS), labels_of(rng, firsts=6)
    root = held(engine, prefix)
    names = [str(index) for index in range(_LABELS)]
    choosers = {
        "distinct": Chooser(engine, names, distinct, root=root),
        "tree": Chooser(engine, names, sharing, root=root),
        "whole": Chooser(engine, names, sharing, root=root, reading="whole", prune=0.0),
    }
    sizes = [len(distinct[index % _LABELS]) + 1 for index in range(_ALONE)]

    def generated(*, cached: bool, parallel: int) -> Callable[[], object]:
        def way() -> None:
            start = [] if cached else prefix
            jobs = [Job(tokens=start + few[row], max_tokens=size) for row, size in enumerate(sizes)]
            complete(engine, jobs, root=root if cached else None, parallel=parallel)

        return way

    ways: dict[str, tuple[int, Callable[[], object]]] = {
        "one prompt pass a document, batched (the limit)": (
            _DOCUMENTS,
            lambda: one_pass(engine, documents, root),
        ),
        "choose, first tokens distinct, batched": (
            _DOCUMENTS,
            lambda: choosers["distinct"].score(documents),
        ),
        "choose, 6 first tokens, tree, batched": (
            _DOCUMENTS,
            lambda: choosers["tree"].score(documents),
        ),
        "choose, 6 first tokens, whole labels, nothing pruned": (
            _ALONE,
            lambda: choosers["whole"].score(few),
        ),
        "choose, first tokens distinct, one at a time": (
            _ALONE,
            lambda: [choosers["distinct"].score([tokens]) for tokens in few],
        ),
        "generate the label, prefix cached, one at a time": (_ALONE, generated(cached=True, parallel=1)),
        "generate the label, prefix cached, all at once": (_ALONE, generated(cached=True, parallel=16)),
        "generate the label, no cache, one at a time": (_ALONE, generated(cached=False, parallel=1)),
    }
    took = times({name: way for name, (_, way) in ways.items()}, repeats=repeats)
    speed = {name: ways[name][0] / statistics.median(seconds) for name, seconds in took.items()}
    # Seconds of one document, by turns: ways read different numbers of them.
    each = {name: [one / ways[name][0] for one in seconds] for name, seconds in took.items()}
    chosen = each["choose, first tokens distinct, batched"]
    lines = [
        f"## Choosing among {_LABELS} labels",
        "",
        _said(
            f"Documents of {_DOCUMENT_TOKENS} tokens after a prefix of {_PREFIX_TOKENS}; labels of 2 to 5",
            f"tokens; medians of {repeats} turns, least and greatest in brackets.",
        ),
        "",
        "| way | documents/s | choosing is faster by |",
        "|---|---|---|",
    ]
    for name, seconds in took.items():
        count = ways[name][0]
        low, high = count / max(seconds), count / min(seconds)
        lines.append(f"| {name} | {speed[name]:.1f} [{low:.1f}, {high:.1f}] | {paired(chosen, each[name])} |")
    engine.drop(root.sequence)
    limit = each["one prompt pass a document, batched (the limit)"]
    goals = _said(
        f"Choosing takes {paired(limit, chosen)} times the limit (goal: at most 1.2). Goals against writing",
        "the label one at a time: 2.50 with the prefix cached, 5.00 without.",
    )
    return [*lines, "", goals, ""]


def bare_loop(path: Path, threads: int, *, ours: bool = False) -> Callable[[], object]:
    """Returns llama.cpp's own loop: one token a pass, nothing done with the logits.

    With its own defaults, or in the settings of suffice's engine.
    """
    bare = Bare(path, threads=threads, ours=ours)
    passes = [bare.batch(documents=1, length=1, start=place) for place in range(_DECODED)]

    def loop() -> None:
        bare.clear()
        for batch in passes:
            bare.decode(batch)

    return loop


def reading(path: Path, threads: int, repeats: int) -> list[str]:
    """Returns how fast documents are read after a prefix in passes of 1 to 16: what bounds choosing."""
    contexts = {
        "its own defaults": Bare(path, threads=threads),
        "ours (decision 0013)": Bare(path, threads=threads, ours=True),
    }
    sizes = (1, 4, 16)

    def passed(bare: Bare, documents: int) -> Callable[[], object]:
        batch = bare.batch(documents=documents, length=_DOCUMENT_TOKENS, start=_PREFIX_TOKENS)
        bare.share_prefix(_PREFIX_TOKENS, documents=max(sizes))

        def way() -> None:
            bare.forget_after(_PREFIX_TOKENS, documents=max(sizes))
            bare.decode(batch)

        return way

    ways = {(name, size): passed(bare, size) for name, bare in contexts.items() for size in sizes}
    named = {f"{name}, {size} a pass": way for (name, size), way in ways.items()}
    took = times(named, repeats=max(repeats, 5))
    lines = [
        "## Reading documents with llama.cpp alone",
        "",
        _said(
            f"Documents of {_DOCUMENT_TOKENS} tokens after a shared prefix of {_PREFIX_TOKENS}, no label",
            f"read; medians of {max(repeats, 5)} turns.",
        ),
        "",
        "| settings | documents/s | tokens/s |",
        "|---|---|---|",
    ]
    for (_, size), (name, seconds) in zip(ways, took.items(), strict=True):
        speed = size / statistics.median(seconds)
        span = f"[{size / max(seconds):.1f}, {size / min(seconds):.1f}]"
        lines.append(f"| {name} | {speed:.1f} {span} | {speed * _DOCUMENT_TOKENS:.0f} |")
    return [*lines, "", "No way of choosing that reads the document can be faster than this.", ""]


def decoding(engine: LlamaEngine, path: Path, threads: int, repeats: int) -> list[str]:
    """Returns what our loop keeps of the bare loop's tokens per second."""
    job = Job(tokens=[300], max_tokens=_DECODED)

    def ours() -> None:
        assert len(complete(engine, [job])[0].tokens) == _DECODED

    eight = [Job(tokens=[300 + index], max_tokens=_DECODED) for index in range(8)]
    took = times(
        {
            "llama.cpp's own loop": bare_loop(path, threads),
            "llama.cpp's own loop, in suffice's settings": bare_loop(path, threads, ours=True),
            "suffice, one answer": ours,
            "suffice, 8 answers at once": lambda: complete(engine, eight),
        },
        repeats=repeats,
    )
    own = took["llama.cpp's own loop"]
    lines = [
        "## Decoding",
        "",
        f"{_DECODED} tokens from an empty context; medians of {repeats} turns, and their range.",
        "",
        "| loop | tokens/s | of llama.cpp's own |",
        "|---|---|---|",
    ]
    for name, seconds in took.items():
        answers = 8 if "8" in name else 1
        count = _DECODED * answers
        speed = count / statistics.median(seconds)
        span = f"[{count / max(seconds):.1f}, {count / min(seconds):.1f}]"
        ratio = paired([one / answers for one in seconds], own)
        lines.append(f"| {name} | {speed:.1f} {span} | {ratio} |")
    return [*lines, "", "Goal for one answer: at least 0.95.", ""]


def first_token(engine: LlamaEngine, rng: np.random.Generator, repeats: int) -> list[str]:
    """Returns the time to the first token with and without a prefix that was read before."""
    prefix, document = words(rng, _LONG_PREFIX_TOKENS), words(rng, _DOCUMENT_TOKENS)
    root = held(engine, prefix)
    took = times(
        {
            "whole prompt": lambda: next(generate(engine, [Job(tokens=prefix + document, max_tokens=1)])),
            "prefix reused": lambda: next(generate(engine, [Job(tokens=document, max_tokens=1)], root=root)),
        },
        repeats=repeats,
    )
    engine.drop(root.sequence)
    whole, reused = (1000 * statistics.median(seconds) for seconds in took.values())
    return [
        "## Time to the first token",
        "",
        _said(
            f"A document of {_DOCUMENT_TOKENS} tokens after a prefix of {_LONG_PREFIX_TOKENS}:",
            f"{whole:.0f} ms when all is read, {reused:.0f} ms when the prefix was read before",
            f"({whole / reused:.1f} times less; medians of {repeats}).",
        ),
        "",
    ]


class Scripted:
    """An engine that says what it is told: all passes are real, only each answer's next token is raised.

    A model of chance weights copies nothing; with this one the work of an answer that does can be timed.
    """

    def __init__(self, engine: LlamaEngine, *, prompt: int, script: Tokens) -> None:
        self._engine = engine
        self._prompt = prompt
        self._script = [*script, engine.end_token]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def extend(self, pieces: Sequence[Piece]) -> list[Floats]:
        """Returns the logits with the script's tokens on top."""
        rows = self._engine.extend(pieces)
        for piece, logits in zip(pieces, rows, strict=True):
            last = self._engine.length(piece.sequence) - self._prompt
            for row in range(len(logits)):
                place = min(last - len(logits) + 1 + row, len(self._script) - 1)
                logits[row, self._script[place]] = 1e9
        return rows


def lookup(engine: LlamaEngine, rng: np.random.Generator, repeats: int) -> list[str]:
    """Returns how much looking guesses up in the prompt saves, by the share of the answer that is copied."""
    lines = [
        "## Guesses looked up in the prompt",
        "",
        _said(
            "Answers of 64 tokens to prompts of 120, made of copied runs of 8 tokens and of new ones; the",
            f"passes are real, the answers scripted, and the same either way; medians of {repeats} turns.",
        ),
        "",
        "| copied | tokens/s without | with up to 8 guesses | times | passes |",
        "|---|---|---|---|---|",
    ]
    prompt = words(rng, 120)
    for copied in (0, 4, 8):
        runs = [
            prompt[8 * run + 3 : 8 * run + 11] if run < copied else words(rng, 8)
            for run in rng.permutation(8)
        ]
        script = [token for run in runs for token in run]
        scripted = Scripted(engine, prompt=len(prompt), script=script)
        plain, guessing = (
            Job(tokens=prompt, max_tokens=len(script) + 1, guesses=guesses) for guesses in (0, 8)
        )
        answers = [complete(scripted, [job])[0] for job in (plain, guessing)]
        assert script == list(answers[0].tokens[:-1]) == list(answers[1].tokens[:-1])
        took = times(
            {
                "plain": partial(complete, scripted, [plain]),
                "guessed": partial(complete, scripted, [guessing]),
            },
            repeats=repeats,
        )
        without, with_ = (len(script) / statistics.median(seconds) for seconds in took.values())
        lines.append(
            f"| {copied}/8 | {without:.1f} | {with_:.1f} | {with_ / without:.2f} |"
            f" {answers[1].passes} for {answers[0].passes} |"
        )
    return [*lines, ""]


def main() -> None:
    """Make the model, then print every table."""
    parser = argparse.ArgumentParser(prog="python -m bench.gguf_engine", description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="turns of each way (default: 3)")
    parser.add_argument(
        "--only", nargs="*", default=[], help="choosing, reading, decoding, first_token, lookup"
    )
    arguments = parser.parse_args()
    threads, repeats = int(environment.cores()), arguments.repeats
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as place:
        path = gguf_model.write(Path(place) / "model.gguf")
        began = time.perf_counter()
        engine = LlamaEngine(path, threads=threads, context_tokens=1024)
        print(
            f"SmolLM2-135M's shape, chance weights, Q8_0, {path.stat().st_size:,} bytes; xllamacpp"
            f" {library.VERSION}, {threads} threads; loaded in {time.perf_counter() - began:.1f} s;"
            f" load average of the machine {os.getloadavg()[0]:.1f}.\n"
        )
        parts: dict[str, Callable[[], list[str]]] = {
            "choosing": lambda: choosing(engine, rng, repeats),
            "reading": lambda: reading(path, threads, repeats),
            "decoding": lambda: decoding(engine, path, threads, max(repeats, _DECODING_TURNS)),
            "first_token": lambda: first_token(engine, rng, repeats),
            "lookup": lambda: lookup(engine, rng, repeats),
        }
        for name, part in parts.items():
            if not arguments.only or name in arguments.only:
                print("\n".join(part()), flush=True)
        engine.close()


if __name__ == "__main__":
    main()
