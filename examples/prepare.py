"""Make task files and data for suffice out of public data sets: `python examples/prepare.py clinc150`.

    python examples/prepare.py clinc150                       # then: suffice run examples/clinc150.yaml
    python examples/prepare.py mmlu_pro --category psychology # then: suffice run runs/data/mmlu_pro/...
    python examples/prepare.py gsm8k
    python examples/prepare.py snips                          # then: suffice run examples/snips.yaml

The data sets are read from the folder SUFFICE_DATA (default ../shared/data); what is made goes to
--out (default runs/data). Python's standard library only.
"""

import argparse
import csv
import gzip
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

SIZES = Path(__file__).parent / "model_sizes.json"
PARTS = {"train": "train", "val": "dev", "test": "certify"}
# Recorded models learn nothing, so most rows are left for the proof.
SHARES = (("train", 0.05), ("dev", 0.30), ("certify", 1.0))
# A model that lacks more rows than this is left out; of the others, all answer each row kept.
MISSING = 0.01

TASK = """\
# Made by examples/prepare.py: real answers of real models, recorded. Nothing is called.
# The reference is the model with the most right answers on train and dev, before any certify row is seen.
# Left out, because their size is not public or they lack rows: {left_out}.
version: 1
name: {name}
kind: classify
data: {{train: train.csv, dev: dev.csv, certify: certify.csv}}
input: question
target: answer
id: id
reference: {{answers: {reference}, name: {reference}}}
bars:
  quality: {{metric: accuracy, target: non_inferior, margin: 0.05}}
minimise: bytes
ladder:
"""


def clinc150(source: Path, out: Path) -> list[Path]:
    """Writes CLINC150 twice: in-scope questions alone, and with those out of scope as one more label."""
    data = json.loads((source / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    made = []
    for name, prefixes in (("clinc150", ("",)), ("clinc150_oos", ("", "oos_"))):
        for part, split in PARTS.items():
            pairs = [pair for prefix in prefixes for pair in data[prefix + part]]
            rows = [json.dumps({"text": text, "intent": intent}) + "\n" for text, intent in pairs]
            made.append(_written(out / name / f"{split}.jsonl", "".join(rows)))
    return made


def snips(source: Path, out: Path) -> list[Path]:
    """Writes SNIPS: an utterance, and the frame {intent, slots}; every eighth training row goes to dev.

    A slot that stands twice in an utterance (60 of 13,784 do) has the list of its values.
    """
    folder = source / "snips"
    rows: dict[str, list[str]] = {"train": [], "dev": [], "certify": []}
    for path in sorted(folder.glob("*/train_*_full.json")):
        for text, frame in frames(path):
            rows["dev" if _place(text) < 1 / 8 else "train"].append(_line(text, frame))
    for path in sorted(folder.glob("*/validate_*.json")):
        rows["certify"] += [_line(text, frame) for text, frame in frames(path)]
    if not rows["train"]:
        raise FileNotFoundError(2, "no such file", str(folder))
    return [_written(out / "snips" / f"{split}.jsonl", "".join(lines)) for split, lines in rows.items()]


def frames(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Yields each utterance of a SNIPS file with its frame. One file is Latin-1, the others UTF-8."""
    raw = path.read_bytes()
    try:
        data = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        data = json.loads(raw.decode("latin-1"))
    for intent, utterances in data.items():
        for utterance in utterances:
            slots: dict[str, object] = {}
            for part in utterance["data"]:
                if "entity" in part:
                    value, known = part["text"].strip(), slots.get(part["entity"])
                    slots[part["entity"]] = (
                        value if known is None else [*(known if isinstance(known, list) else [known]), value]
                    )
            text = "".join(part["text"] for part in utterance["data"]).strip()
            yield text, {"intent": intent, "slots": slots}


def restaurant8k(source: Path, out: Path) -> list[Path]:
    """Writes the slots of bookings. What the system asked for stands behind the text in brackets."""
    folder, made = source / "restaurant8k", []
    for name, split in (("train_0", "train"), ("test", "certify")):
        rows = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        made.append(_written(out / "restaurant8k" / f"{split}.jsonl", "".join(map(_booking, rows))))
    return made


def _booking(row: Mapping[str, Any]) -> str:
    text = row["userInput"]["text"]
    slots = {}
    for label in row.get("labels", ()):
        span = label.get("valueSpan", {})
        slots[label["slot"]] = text[span.get("startIndex", 0) : span["endIndex"]]
    asked = ", ".join(row.get("context", {}).get("requestedSlots", ()))
    return _line(f"{text} [{asked}]" if asked else text, slots)


def mmlu_pro(source: Path, out: Path, *, category: str, only_open: bool) -> list[Path]:
    """Writes one category: the question with its options, the right letter, each model's letter."""
    folder = source / "mmlu_pro_outcomes"
    with gzip.open(folder / "questions.jsonl.gz", "rt", encoding="utf-8") as lines:
        questions = {str(q["question_id"]): q for q in map(json.loads, lines)}
    with (folder / "preds.csv").open(newline="", encoding="utf-8") as file:
        said = list(csv.DictReader(file))
    rows = [row for row in said if row["category"] == category]
    if not rows:
        known = ", ".join(sorted({row["category"] for row in said}))
        sys.exit(f"mmlu_pro has no category {category!r}; it has: {known}")
    for row in rows:
        question = questions[row["question_id"]]
        options = [
            f"{letter}. {text}" for letter, text in zip("ABCDEFGHIJ", question["options"], strict=False)
        ]
        row |= {"id": row.pop("question_id"), "question": "\n".join([question["question"], *options])}
        del row["category"]
    name = "mmlu_pro_" + category.replace(" ", "_")
    return recorded(rows, out / name, name=name, only_open=only_open)


def gsm8k(source: Path, out: Path, *, only_open: bool) -> list[Path]:
    """Writes the maths questions. An answer scored right carries the gold answer's text, as it was scored."""
    folder = source / "zeroeval" / "gsm"
    prompts = [json.loads(line) for line in (folder / "prompts.jsonl").read_text("utf-8").splitlines()]
    rows = {p["id"]: {"id": p["id"], "question": p["question"], "answer": str(p["answer"])} for p in prompts}
    for path in sorted((folder / "outputs").glob("*.jsonl.gz")):
        model = path.name.removesuffix(".jsonl.gz")
        for row in rows.values():
            row[model] = ""
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for answer in map(json.loads, lines):
                row = rows[answer["id"]]
                row[model] = (
                    row["answer"] if answer["correct"] else _wrong(answer["parsed_answer"], row["answer"])
                )
    return recorded(list(rows.values()), out / "gsm8k", name="gsm8k", only_open=only_open)


def recorded(rows: Sequence[dict[str, str]], out: Path, *, name: str, only_open: bool) -> list[Path]:
    """Writes the three splits and the task file of a ladder of recorded models."""
    sizes = {k: v for k, v in json.loads(SIZES.read_text(encoding="utf-8")).items() if k != "about"}
    everyone = [column for column in rows[0] if column not in {"id", "question", "answer"}]
    models = [m for m in everyone if sum(row[m] == "" for row in rows) <= MISSING * len(rows)]
    rows = [row for row in rows if all(row[m] != "" for m in models)]
    splits: dict[str, list[dict[str, str]]] = {split: [] for split, _ in SHARES}
    for row in rows:
        splits[split_of(row["id"])].append(row)
    reference = best(models, [*splits["train"], *splits["dev"]], sizes=sizes if only_open else None)
    most = sizes.get(reference, float("inf"))
    ladder = sorted(
        (m for m in models if m in sizes and m != reference and sizes[m] <= most),
        key=lambda m: (sizes[m], m),
    )
    columns = ["id", "question", "answer", reference, *ladder]
    made = [_written(out / f"{split}.csv", _as_csv(part, columns)) for split, part in splits.items()]
    left_out = ", ".join(m for m in everyone if m not in columns) or "none"
    head = TASK.format(name=name, reference=_quoted(reference), left_out=left_out)
    lines = [
        f"  - {{kind: recorded, name: {_quoted(m)}, answers: {_quoted(m)}, size_b: {sizes[m]}}}\n"
        for m in ladder
    ]
    return [*made, _written(out / "task.yaml", head + "".join(lines))]


def split_of(identity: str) -> str:
    """Returns the split of a row, by a hash of its identity alone."""
    return next(split for split, until in SHARES if _place(identity) < until)


def best(
    models: Iterable[str], rows: Sequence[Mapping[str, str]], *, sizes: Mapping[str, float] | None
) -> str:
    """Returns the model with the most right answers, among those of known size where sizes are given."""
    able = [m for m in models if sizes is None or m in sizes]
    return max(able, key=lambda m: sum(row[m] == row["answer"] for row in rows))


def _place(identity: str) -> float:
    return int(hashlib.sha256(identity.encode()).hexdigest()[:8], 16) / 16**8


def _line(text: str, target: Mapping[str, object]) -> str:
    return json.dumps({"text": text, "target": target}, ensure_ascii=False) + "\n"


def _wrong(parsed: object, gold: str) -> str:
    text = str(parsed if parsed is not None else "").strip()
    return text if text and text != gold else "no answer"


def _as_csv(rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> str:
    lines: list[str] = []
    writer = csv.writer(_Lines(lines), lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row[column] for column in columns] for row in rows)
    return "".join(lines)


class _Lines:
    """Where a csv.writer writes to."""

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append


def _quoted(text: str) -> str:
    return json.dumps(text)


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def main() -> None:
    """Make what the command line asks for, and say what was made."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", choices=["clinc150", "gsm8k", "mmlu_pro", "restaurant8k", "snips"])
    parser.add_argument("--out", type=Path, default=Path("runs/data"))
    parser.add_argument("--category", default="psychology", help="of mmlu_pro")
    parser.add_argument(
        "--only-open", action="store_true", help="the reference, too, is a model whose size is public"
    )
    chosen = parser.parse_args()
    source = Path(os.environ.get("SUFFICE_DATA", "../shared/data"))
    try:
        if chosen.data == "clinc150":
            made = clinc150(source, chosen.out)
        elif chosen.data in {"snips", "restaurant8k"}:
            made = (snips if chosen.data == "snips" else restaurant8k)(source, chosen.out)
        elif chosen.data == "mmlu_pro":
            made = mmlu_pro(source, chosen.out, category=chosen.category, only_open=chosen.only_open)
        else:
            made = gsm8k(source, chosen.out, only_open=chosen.only_open)
    except FileNotFoundError as error:
        sys.exit(f"{error.filename} is absent: set SUFFICE_DATA to the folder that holds the data sets")
    for path in made:
        print(path)


if __name__ == "__main__":
    main()
