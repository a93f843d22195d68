"""A judge is partial to its own: it is no evidence alone on models of its family, or on itself."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from suffice.candidate import Candidate
from suffice.errors import ArtefactError, SpecError
from suffice.models import artefact
from suffice.models.gguf import header
from suffice.models.gguf.served import WEIGHTS
from suffice.pipeline.rungs.judging import Judging
from suffice.pipeline.rungs.ladder import of_spec
from suffice.pipeline.rungs.rung import Rung
from suffice.readers.judge_keys import JudgeSpec
from suffice.readers.spec import Spec
from suffice.score.judge.family import families_of

_HINT = (
    "take a judge of another family, or have people label a part of the answers (`judge.human`): then the "
    "claim rests on them"
)
# What a GGUF file says of its origin. Its architecture is no origin: many families share Llama's.
_ORIGIN = ("general.name", "general.basename", "general.finetune", "general.base_model.0.name")
# Made of the task's own rows, or no language models at all: their names tell of no family.
_OWN_METHODS = {"linear", "distil", "head", "finetune", "tagger", "encoder-tagger", "tiny", "distil-decoder"}


def check_family(spec: Spec, judging: Judging) -> tuple[str, ...]:
    """Returns notes on what is not known of families.

    Raises:
        SpecError: the judge is the only evidence, and a candidate is the same model or of the same family.
    """
    judge = spec.judge
    if judge is None or not judging.is_alone:
        return ()
    known = {candidate.name: candidate for ladder in of_spec(spec) for candidate in ladder.candidates}
    own = families_of(*judge_names(judge, spec))
    if judge.family is not None:
        own |= families_of(judge.family) or {judge.family.casefold()}
    for candidate in known.values():
        if _is_same(candidate, judge, judging):
            raise SpecError(
                f"the judge {judging.name!r} and the candidate {candidate.name!r} are the same model: a "
                "judge is partial to its own answers, so it cannot be the only evidence",
                hint=_HINT,
            )
        if shared := own & families_of(*candidate_names(candidate, known)):
            raise SpecError(
                f"the judge {judging.name!r} and the candidate {candidate.name!r} are both of the family "
                f"{min(shared)}: a judge is partial to its own, so it cannot be the only evidence",
                hint=_HINT,
            )
    if own:
        return _partial_to_reference(spec, judging, own)
    return (
        (
            f"no name tells which family of models the judge {judging.name} is of, so whether a candidate is "
            "of the same could not be checked; say it as 'judge.family'"
        ),
    )


def check_bytes(judging: Judging, rungs: Sequence[Rung]) -> None:
    """Checks that no rung is the judge's own artefact.

    Raises:
        SpecError: the judge is the only evidence, and a rung has its very bytes.
    """
    for rung in rungs:
        if judging.is_alone and judging.weights and rung.fingerprint == judging.weights:
            raise SpecError(
                f"the judge {judging.name!r} has the very bytes of the candidate {rung.name!r}: it would "
                "judge its own answers, so it cannot be the only evidence",
                hint=_HINT,
            )


def judge_names(judge: JudgeSpec, spec: Spec) -> tuple[str, ...]:
    """Returns every name that may tell a judge's family."""
    names = [judge.name or ""]
    if judge.openai is not None:
        names.append(judge.openai.model)
    if judge.file is not None:
        names += _of_file(spec.path(judge.file))
    if judge.artefact is not None:
        folder = spec.path(judge.artefact)
        names += [*_texts(artefact.unseal(folder).settings, ("name", "from")), *_of_file(folder / WEIGHTS)]
    return tuple(names)


def candidate_names(candidate: Candidate, known: Mapping[str, Candidate]) -> tuple[str, ...]:
    """Returns every name that may tell a candidate's family, its teacher's among them."""
    names: list[str] = []
    if candidate.method not in _OWN_METHODS:
        names += [candidate.name, str(candidate.setting("model", ""))]
    if file := str(candidate.setting("file", "")):
        names += _of_file(Path(file))
    if base := str(candidate.setting("base", "")):
        names += [base.rstrip("/").rpartition("/")[2], *_of_config(Path(base) / "config.json")]
    if candidate.teacher is not None and candidate.teacher in known:
        names += candidate_names(known[candidate.teacher], known)
    return tuple(names)


def _partial_to_reference(spec: Spec, judging: Judging, own: frozenset[str]) -> tuple[str, ...]:
    """Returns a note where the judge may prefer the reference: that makes a proof harder, never false."""
    reference = spec.reference
    if reference is None:
        return ()
    model = "" if reference.openai is None else reference.openai.model
    shared = own & families_of(reference.name, model)
    if not shared:
        return ()
    return (
        (
            f"the judge {judging.name} and the reference {reference.name} are both of the family "
            f"{min(shared)}: it may prefer the reference's answers, which makes the bar harder to meet"
        ),
    )


def _is_same(candidate: Candidate, judge: JudgeSpec, judging: Judging) -> bool:
    if judge.openai is not None and candidate.setting("model", "") == judge.openai.model:
        return True
    return bool(judging.weights) and candidate.setting("sha256", "") == judging.weights


def _of_file(path: Path) -> list[str]:
    if not path.is_file():
        return []
    try:
        values = header.read(path).values
    except ArtefactError:  # whoever opens it says what is wrong with it
        return [path.stem]
    return [path.stem, *(str(values[key]) for key in _ORIGIN if key in values)]


def _of_config(path: Path) -> list[str]:
    try:
        return list(_texts(json.loads(path.read_text(encoding="utf-8")), ("_name_or_path",)))
    except (OSError, ValueError):
        return []


def _texts(value: object, names: Sequence[str]) -> Iterator[str]:
    """Yields the texts that stand under the given names anywhere in JSON."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in names and isinstance(inner, str):
                yield inner
            yield from _texts(inner, names)
