"""The method `distil-decoder`: a tiny decoder taught by a larger rung, by its answers and by its logits.

Sequence level: the teacher answers the rows that lack a target, and the student learns these answers
like truth (Kim & Rush 2016, section 3.2). Word level: where the teacher is a tiny decoder, the
student also learns the teacher's distribution of each answer token (Hinton et al. 2015,
section 2; Kim & Rush 2016, section 3.1); `truth_share` and `temperature` are those of `loop.Recipe`.
On policy: in the share `on_policy` of the second half's steps the student draws the answers itself, and
learns what its teacher would have said after each of its own tokens (see `on_policy`).
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from suffice.adapt.decoder import settings
from suffice.adapt.decoder.examples import request_of
from suffice.adapt.decoder.scratch import llama_torch, tokenizer
from suffice.adapt.decoder.scratch.tiny import make, tiny_lesson
from suffice.adapt.decoder.scratch.tokenizer import LearntTokenizer
from suffice.candidate import Candidate
from suffice.errors import SpecError
from suffice.models import artefact, registry
from suffice.models.engine import DecoderEngine, Piece
from suffice.models.gguf.model import GgufModel
from suffice.models.gguf.served import WEIGHTS
from suffice.ports import Model, Progress, TrainingRows
from suffice.task import JsonValue, Kind, Sample

_ASKED_AT_ONCE = 64
_ROWS_AT_ONCE = 16


class DistilDecoderMethod:
    """Makes a gguf candidate like `tiny`, taught by its teacher too.

    Settings: those of `tiny`, and `logits` (false: learn the teacher's answers only). The student of a
    teacher made by `tiny` has its teacher's tokenizer; any other teacher teaches by its answers only,
    which needs rows without a target.
    """

    def apply(
        self,
        candidate: Candidate,
        rows: TrainingRows,
        *,
        out: Path,
        teacher: Path | None,
        seed: int,
        progress: Progress,
    ) -> None:
        """Writes the artefact into `out`.

        Raises:
            DataError: too few rows (the message says how many it would want), or a diverging loss.
            MissingExtra: torch, the converter or llama.cpp is not installed.
            SpecError: no teacher, one that has nothing to teach, or a setting that cannot be used.
        """
        if teacher is None:
            raise SpecError(f"ladder: {candidate.name!r} needs a 'teacher': another candidate's name")
        master = registry.load(teacher)
        try:
            told = _answered(candidate, rows, master, progress)
            known = _tokenizer_of(candidate, master, teacher)
            if known is None and len(told.train) == len(rows.train):
                raise SpecError(
                    f"ladder: the teacher of {candidate.name!r} has nothing to teach: every row has a target,"
                    " and it is no decoder made by tiny whose logits could be learnt",
                    hint="give rows without a target, or a teacher of the method tiny",
                )
            if known is None and settings.number(candidate, "on_policy", 0.0) > 0:
                raise SpecError(
                    f"ladder: {candidate.name!r} has on_policy, but its teacher {candidate.teacher!r} has no"
                    " logits that it could learn",
                    hint="name a teacher made by tiny, without logits: false, or leave out on_policy",
                )
            lesson = tiny_lesson(candidate, told, known=known)
            said = Logits(master.served.engine) if known and isinstance(master, GgufModel) else None
            make(lesson, out=out, seed=seed, progress=progress, teacher=said)
        finally:
            asyncio.run(master.close())
        _tell(
            out,
            {
                "teacher": candidate.teacher,
                "rows_answered_by_teacher": len(told.train) - len(rows.train),
                "teacher_logits": said is not None,
            },
        )


class Logits:
    """A decoder's logits for the answers of a batch, from the very file that is served."""

    def __init__(self, engine: DecoderEngine) -> None:
        self._engine = engine

    def __call__(self, ids: Any, wanted: Any) -> Any:
        """Returns (n, vocabulary) logits of the tokens that `wanted` marks: the last ones of each row."""
        torch = llama_torch.require_torch()
        marks, tokens = wanted.cpu().numpy(), ids.cpu().numpy()
        found: list[Any] = []
        for start in range(0, len(tokens), _ROWS_AT_ONCE):
            pieces = [
                _piece(self._engine.open(), tokens[row], marks[row])
                for row in range(start, min(start + _ROWS_AT_ONCE, len(tokens)))
            ]
            try:
                found += self._engine.extend(pieces)
            finally:
                for piece in pieces:
                    self._engine.drop(piece.sequence)
        return torch.from_numpy(np.concatenate(found)).to(ids.device)


def _piece(sequence: int, tokens: Any, marks: Any) -> Piece:
    end = int(np.flatnonzero(marks)[-1])
    return Piece(sequence=sequence, tokens=[int(token) for token in tokens[:end]], wanted=int(marks.sum()))


def _tokenizer_of(candidate: Candidate, master: Model, teacher: Path) -> LearntTokenizer | None:
    """Returns the tokenizer of a teacher whose logits are to be learnt, or None."""
    lends = isinstance(master, GgufModel) and bool(candidate.setting("logits", True))  # noqa: FBT003
    return tokenizer.of_gguf(teacher / WEIGHTS) if lends else None


def _answered(candidate: Candidate, rows: TrainingRows, master: Model, progress: Progress) -> TrainingRows:
    """Returns the rows with the teacher's answers to those that lack a target."""
    open_rows = [sample for sample in rows.unlabelled if sample.target is None]
    if not open_rows:
        return rows
    what = f"{candidate.teacher} teaches {candidate.name}"
    answers: list[JsonValue] = asyncio.run(_ask(master, open_rows, rows, what=what, progress=progress))
    made: list[Sample] = [
        replace(sample, target=answer)
        for sample, answer in zip(open_rows, answers, strict=True)
        if answer is not None
    ]
    return replace(rows, train=[*rows.train, *made])


async def _ask(
    master: Model, samples: Sequence[Sample], rows: TrainingRows, *, what: str, progress: Progress
) -> list[JsonValue]:
    found: list[JsonValue] = []
    for start in range(0, len(samples), _ASKED_AT_ONCE):
        asked = samples[start : start + _ASKED_AT_ONCE]
        answers = await master.answer([request_of(sample) for sample in asked])
        found += [_target(answer.text, rows.kind) for answer in answers]
        progress(what, len(found), len(samples))
    return found


def _target(text: str | None, kind: Kind) -> JsonValue:
    """Returns an answer as a target; None where there is none to learn from."""
    if text is None or kind is not Kind.EXTRACT:
        return text
    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        return None
    return value


def _tell(out: Path, taught: dict[str, Any]) -> None:
    """Adds to the sealed folder what came from the teacher: its answers are no truth."""
    sealed = artefact.unseal(out)
    training = {**sealed.settings["training"], **taught}
    artefact.seal(out, kind=sealed.kind, settings={**sealed.settings, "training": training})
