"""The pages that are tested, and the fenced blocks in them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = tuple(sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")], key=str))
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block: where it stands, its language and its text."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self):
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(language, *, pages=PAGES):
    """Returns the fenced blocks of a language, in order."""
    found = []
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            if match.group(1) == language:
                line = text.count("\n", 0, match.start()) + 1
                found.append(Block(page=page, line=line, language=language, text=match.group(2)))
    return found


def commands():
    """Returns the lines typed after `$` in console blocks, with where they stand; a backslash joins lines."""
    found = []
    for block in blocks("console"):
        text = block.text.replace("\\\n", " ")
        found += [(str(block), line[2:]) for line in text.splitlines() if line.startswith("$ ")]
    return found
