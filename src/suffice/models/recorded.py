"""Answers that were given before, looked up by the request's content key."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from suffice import files
from suffice.cascade import REFERENCE
from suffice.errors import ArtefactError
from suffice.models import artefact
from suffice.ports import Answer, Request
from suffice.task import JsonValue, Sample

_ANSWERS = "answers.jsonl"
_MISSING = "not recorded"


def text_of(value: JsonValue) -> str | None:
    """Returns a recorded answer as text: strings as they are, other values as sorted JSON, None as None."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


class RecordedModel:
    """A model whose answers lie in a table; what is not in it is an error of that one answer."""

    simulated = False

    def __init__(
        self, name: str, answers: Mapping[str, JsonValue], *, latencies_ms: Mapping[str, float] | None = None
    ) -> None:
        self._name = name
        self._answers = dict(answers)
        self._latencies_ms = dict(latencies_ms or {})

    @classmethod
    def from_samples(cls, name: str, samples: Iterable[Sample]) -> Self:
        """Returns the model whose answers the samples carry: the reference, or a further one by name."""
        answers: dict[str, JsonValue] = {}
        latencies_ms: dict[str, float] = {}
        for sample in samples:
            answer = sample.reference if name == REFERENCE else sample.recorded.get(name)
            if answer is None:
                continue
            answers[sample.key] = answer
            if name == REFERENCE and sample.reference_latency_ms is not None:
                latencies_ms[sample.key] = sample.reference_latency_ms
        return cls(name, answers, latencies_ms=latencies_ms)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Returns the recorded model in a folder.

        Raises:
            ArtefactError: the folder is damaged.
        """
        opened = artefact.unseal(folder)
        answers: dict[str, JsonValue] = {}
        latencies_ms: dict[str, float] = {}
        try:
            # Lines end at "\n" alone: a text may hold other signs that Python counts as line ends.
            for line in opened.file(_ANSWERS).read_bytes().split(b"\n"):
                if not line:
                    continue
                row = json.loads(line)
                answers[row["key"]] = row["answer"]
                if row.get("latency_ms") is not None:
                    latencies_ms[row["key"]] = float(row["latency_ms"])
            return cls(opened.settings["name"], answers, latencies_ms=latencies_ms)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ArtefactError(f"{folder}: the recorded answers are damaged: {error!r}") from error

    def seal(self, folder: Path) -> artefact.Artefact:
        """Returns the artefact of these answers, written into an empty folder, sorted by key."""
        lines = [json.dumps(self._row(key)) + "\n" for key in sorted(self._answers)]
        files.write_bytes(folder / _ANSWERS, "".join(lines).encode())
        return artefact.seal(folder, kind="recorded", settings={"name": self._name})

    def _row(self, key: str) -> dict[str, Any]:
        return {"key": key, "answer": self._answers[key], "latency_ms": self._latencies_ms.get(key)}

    @property
    def name(self) -> str:
        """Returns the name of the model whose answers these are."""
        return self._name

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns the recorded answers; `error` is "not recorded" where there is none."""
        return [self._answer(request.key) for request in requests]

    async def close(self) -> None:
        """Does nothing: a table holds nothing open."""

    def _answer(self, key: str) -> Answer:
        text = text_of(self._answers.get(key))
        error = _MISSING if text is None else None
        return Answer(text=text, latency_ms=self._latencies_ms.get(key), tier=self._name, error=error)
