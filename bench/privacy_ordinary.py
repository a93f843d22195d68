"""How often private data are found in ordinary texts of others: part of `bench.privacy`.

There are hardly any in them, but some (people do write addresses in conversations), and nobody labelled them:
the shares are bounds from above on how often a call is kept or masked for nothing. The texts are read from
SUFFICE_DATA.
"""

import gzip
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from suffice.serve.privacy.detect import Detector
from suffice.serve.privacy.settings import STANDARD_CLASSES, read_privacy
from suffice.stats.intervals import wilson

_MOST = 4_000  # texts of a source
_HEADING = 100  # signs of a line that is no text of its own


def main() -> None:
    """Print the share of texts in which each class is found."""
    detector = Detector(read_privacy({}))
    print("\n### Ordinary texts\n")
    print(
        "The share of texts of others in which a class is found, 95% Wilson interval. Nobody labelled them: "
        "the sums of GSM8K are no telephone numbers, some conversations of HH-RLHF do have e-mail "
        "addresses.\n"
    )
    print(f"| source, texts | {' | '.join(STANDARD_CLASSES)} |\n|---|{'---|' * len(STANDARD_CLASSES)}")
    for name, texts in _sources():
        found: Counter[str] = Counter()
        n = 0
        for text in islice(texts, _MOST):
            n += 1
            found.update({find.name for find in detector.find(text)})
        cells = [_rate(found[each], n) for each in STANDARD_CLASSES]
        print(f"| {name}, {n:,} | {' | '.join(cells)} |")


def _sources() -> Iterator[tuple[str, Iterator[str]]]:
    """Returns the texts that are there, by source."""
    data = Path(os.environ.get("SUFFICE_DATA", "../shared/data"))
    for name, (path, text_of) in _SOURCES.items():
        file = data / path
        if file.is_file():
            yield name, (text_of(line) for line in _lines(file) if len(line) > _HEADING)
        else:
            yield f"{name} (not there)", iter(())


def _solved(line: str) -> str:
    row = json.loads(line)
    return f"{row['question']} {row['answer']}"


def _with_code(line: str) -> str:
    row = json.loads(line)
    return f"{row['prompt']}{row.get('canonical_solution')}{row.get('test', '')}"


_SOURCES: dict[str, tuple[str, Callable[[str], str]]] = {
    "GSM8K, questions with answers": ("gsm8k/train.jsonl", _solved),
    "SciTLDR, papers' beginnings": ("scitldr/train.jsonl", lambda line: " ".join(json.loads(line)["source"])),
    "HH-RLHF, conversations": (
        "hh_rlhf/harmless-base/test.jsonl.gz",
        lambda line: str(json.loads(line)["chosen"]),
    ),
    "MBPP, tasks with code": ("mbpp_mxeval/mbxp/mbpp_release_v1.jsonl", _with_code),
    "WikiText-2, paragraphs": ("wikitext2/test.txt", str),
}


def _lines(file: Path) -> Iterator[str]:
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
        for line in lines:
            yield line.decode()


def _rate(hits: int, n: int) -> str:
    """Returns a share with its 95% Wilson interval."""
    if n == 0:
        return "not measured"
    bounds = wilson(hits, n)
    return f"{hits / n:.4f} [{bounds.lower:.4f}, {bounds.upper:.4f}]"
