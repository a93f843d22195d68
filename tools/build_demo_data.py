"""Build the data of `suffice demo` from the hand-written messages: the same files from the same sources.

Run from the repository root: `python -m tools.build_demo_data`.
"""

import datetime as dt
import hashlib
import json
import random
from dataclasses import dataclass
from pathlib import Path

from tools.demo_reference import KEPT_FATE, intent_answer, urgency_answer
from tools.demo_variations import varied

SOURCES = Path(__file__).parent / "demo_messages"
TARGET = Path(__file__).parent.parent / "src" / "suffice" / "demo_data"
SEED = 20260301
ANSWER_SEED = 5  # the first that leaves the reference equally good, within a point, in all default splits
UNLABELLED = 0.12  # share of rows without a label, drawn independently of everything
VARIATIONS = (0, 0, 0, 0, 0, 0, 0, 0, 0, 1)  # how many variations a message gets, drawn evenly
NORMAL_SHARE = 0.2  # share of the normal-urgency messages kept in the second job
FIRST_DAY = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
DAYS = 180
URGENCY_OF = {"l": "low", "n": "normal", "h": "high"}

Row = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Message:
    """One hand-written message with its intent and its urgency as its author judged them."""

    text: str
    label: str
    urgency: str

    @property
    def group(self) -> str:
        """An identifier that depends on the text alone, so adding messages renames no other."""
        return "g" + hashlib.sha256(self.text.encode()).hexdigest()[:10]


def messages(folder: Path) -> list[Message]:
    """Return the hand-written messages of a folder: a file an intent, a line `n| text` a message."""
    found = []
    for path in sorted(folder.glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line or line.startswith("#"):
                continue
            mark, text = line.split("| ", maxsplit=1)
            found.append(Message(text=text, label=path.stem, urgency=URGENCY_OF[mark]))
    return found


def _rng(purpose: str, key: str) -> random.Random:
    return random.Random(f"{SEED}:{purpose}:{key}")


def _received(key: str) -> str:
    rng = _rng("received", key)
    moment = FIRST_DAY + dt.timedelta(days=rng.randrange(DAYS), minutes=rng.randrange(6 * 60, 23 * 60))
    return moment.isoformat().replace("+00:00", "Z")


def _texts(message: Message, taken: set[str]) -> list[str]:
    """The message and its variations; a variation that some row has already is left out."""
    rng = _rng("variations", message.group)
    texts = [message.text]
    for _ in range(rng.choice(VARIATIONS)):
        text = varied(message.text, rng)
        if text not in taken:
            taken.add(text)
            texts.append(text)
    return texts


def tickets(sources: list[Message]) -> list[Row]:
    """Return the rows of the first job in the order in which the messages were received."""
    taken = {message.text for message in sources}
    rows = []
    for message in sources:
        own = intent_answer(message.text, message.label, _rng(f"answer {ANSWER_SEED}", message.group))
        for number, text in enumerate(_texts(message, taken)):
            key = f"{message.group}-{number}"
            rng = _rng("row", key)
            answer = own
            if number and rng.random() >= KEPT_FATE:
                answer = intent_answer(text, message.label, rng)
            row = {"id": key, "text": text, "label": message.label, "group": message.group}
            row |= {"reference_answer": answer, "received": _received(key)}
            if _rng("label", key).random() < UNLABELLED:
                del row["label"]
            rows.append(row)
    return sorted(rows, key=lambda row: (row["received"], row["id"]))


def urgencies(sources: list[Message]) -> list[Row]:
    """Return the rows of the second job: hand-written, in-scope messages, the normal ones thinned."""
    rows = []
    for message in sources:
        rng = _rng("urgency", message.group)
        if message.label == "out_of_scope" or (message.urgency == "normal" and rng.random() >= NORMAL_SHARE):
            continue
        answer = urgency_answer(message.text, message.urgency, rng)
        row = {"id": f"{message.group}-u", "text": message.text, "urgency": message.urgency}
        row |= {"group": message.group, "reference_answer": answer, "received": _received(message.group)}
        rows.append(row)
    return sorted(rows, key=lambda row: (row["received"], row["id"]))


def as_jsonl(rows: list[Row]) -> str:
    """Return the rows as JSON Lines, characters unescaped."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def main() -> None:
    """Write both files into the package and say how many rows each has."""
    sources = messages(SOURCES)
    for name, rows in (("tickets.jsonl", tickets(sources)), ("urgency.jsonl", urgencies(sources))):
        path = TARGET / name
        path.write_text(as_jsonl(rows), encoding="utf-8", newline="\n")
        print(f"{name}: {len(rows)} rows, {path.stat().st_size} bytes, from {len(sources)} messages")


if __name__ == "__main__":
    main()
