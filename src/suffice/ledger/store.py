"""A run's store: what finished steps have made, and every answer a model has given."""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from suffice import fingerprint as fingerprints
from suffice.files import writable
from suffice.ledger.database import connect, transaction
from suffice.ports import Answer, Usage

_SCHEMA = """
CREATE TABLE IF NOT EXISTS artefacts (
    fingerprint TEXT PRIMARY KEY, files TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
    model TEXT NOT NULL, key TEXT NOT NULL, answer TEXT NOT NULL, PRIMARY KEY (model, key)
) WITHOUT ROWID;
"""
_KEYS_A_QUERY = 500  # SQLite allows at least 999 variables in one statement


class RunStore:
    """The store of one run folder: `store.sqlite`, and `artefacts/` beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connection = connect(folder / "store.sqlite", _SCHEMA)

    def close(self) -> None:
        """Closes the database; calling it twice is harmless."""
        self._connection.close()

    def is_empty(self) -> bool:
        """Says whether neither an artefact nor an answer is kept."""
        found = "SELECT EXISTS (SELECT 1 FROM artefacts) OR EXISTS (SELECT 1 FROM answers)"
        return not self._connection.execute(found).fetchone()[0]

    def artefact(self, fingerprint: str) -> Path | None:
        """Returns the folder of a finished artefact whose bytes still match, or None."""
        row = self._connection.execute(
            "SELECT files FROM artefacts WHERE fingerprint = ?", (fingerprint,)
        ).fetchone()
        place = self._place(fingerprint)
        if row is None or not place.is_dir() or fingerprints.of_folder(place) != json.loads(row[0]):
            return None
        return place

    def workplace(self, fingerprint: str) -> Path:
        """Returns a new empty folder, on the same disk as the store, in which the artefact may be made."""
        unfinished = self._folder / "unfinished"
        with writable(unfinished):
            unfinished.mkdir(parents=True, exist_ok=True)
            for left in unfinished.glob(f"{fingerprint[:16]}-*"):
                shutil.rmtree(left)  # what a killed run had begun
            return Path(tempfile.mkdtemp(dir=unfinished, prefix=f"{fingerprint[:16]}-"))

    def keep_artefact(self, fingerprint: str, folder: Path) -> Path:
        """Moves a finished folder into the store, and returns its place there."""
        files = fingerprints.of_folder(folder)
        place = self._place(fingerprint)
        with writable(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            if place.exists():
                shutil.rmtree(place)  # its bytes no longer matched, or it would have been used
            folder.rename(place)
        with transaction(self._connection):
            self._connection.execute(
                "INSERT OR REPLACE INTO artefacts VALUES (?, ?)", (fingerprint, json.dumps(files))
            )
        return place

    def answers(self, model: str, keys: Sequence[str]) -> Mapping[str, Answer]:
        """Returns the answers a model (by fingerprint) has already given, by request key."""
        found: dict[str, Answer] = {}
        for start in range(0, len(keys), _KEYS_A_QUERY):
            part = list(keys[start : start + _KEYS_A_QUERY])
            marks = ",".join("?" * len(part))
            rows = self._connection.execute(
                f"SELECT key, answer FROM answers WHERE model = ? AND key IN ({marks})",  # noqa: S608 - marks only
                (model, *part),
            )
            found.update({key: _answer(json.loads(text)) for key, text in rows})
        return found

    def keep_answers(self, model: str, answers: Mapping[str, Answer]) -> None:
        """Records a model's answers, so that none is asked, or paid, twice."""
        rows = [(model, key, json.dumps(_plain(answer))) for key, answer in answers.items()]
        with transaction(self._connection):
            self._connection.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?)", rows)

    def _place(self, fingerprint: str) -> Path:
        return self._folder / "artefacts" / fingerprint


def _plain(answer: Answer) -> list[Any]:
    usage = answer.usage
    return [
        answer.text,
        answer.confidence,
        answer.novelty,
        usage.input_tokens,
        usage.output_tokens,
        answer.latency_ms,
        answer.tier,
        answer.escalated,
        answer.error,
        list(answer.notes),
        answer.trust,
    ]


def _answer(fields: list[Any]) -> Answer:
    text, confidence, novelty, read, written, latency_ms, tier, escalated, error, notes, *trust = fields
    return Answer(
        text=text,
        confidence=confidence,
        novelty=novelty,
        usage=Usage(input_tokens=read, output_tokens=written),
        latency_ms=latency_ms,
        tier=tier,
        escalated=escalated,
        error=error,
        notes=tuple(notes),
        # Stores written before there were gates lack the last field.
        trust=trust[0] if trust else None,
    )
