"""Which rungs are tried: the ones the task file lists, or the automatic ladder of its kind."""

from suffice import extras
from suffice.adapt import registry
from suffice.adapt.encoder.weights import encoder_for
from suffice.candidate import Candidate, Ladder
from suffice.errors import ArtefactError, SpecError
from suffice.pipeline.rungs.given_weights import pinned
from suffice.readers.spec import Spec
from suffice.task import Kind

# Cheapest first. The distilled rung costs what the linear one costs, but needs its teacher made.
_CLASSIFY = (
    Candidate(name="linear", kind="linear", method="linear"),
    Candidate(name="linear-distilled", kind="linear", method="distil", teacher="encoder"),
    Candidate(name="encoder", kind="encoder", method="head"),
)
# Made only where dev shows that nothing cheaper clears the bar: training takes minutes.
_CLASSIFY_DEAR = (Candidate(name="encoder-tuned", kind="encoder", method="finetune"),)
_EXTRACT = (Candidate(name="tagger", kind="tagger", method="tagger"),)
# Reads an encoder's states, too: ten times the bytes, three times the time, and fewer rows to learn from.
_ENCODER_TAGGER = Candidate(name="encoder-tagger", kind="tagger", method="encoder-tagger")
# Decoders made from nothing but the train rows, by rising depth: about 0.3, 1 and 3 million parameters.
_TINY = tuple(
    Candidate(name=f"tiny-{depth}", kind="gguf", method="tiny", settings=(("depth", depth),))
    for depth in (2, 4, 6)
)
# What method makes each kind where the task file names none.
_USUAL_METHOD = {
    "linear": "linear",
    "encoder": "head",
    "tagger": "tagger",
    "gguf": "tiny",
    "transformers": "int8",
}
# Kinds of models that serve one kind of task only.
_TASKS_OF = {"linear": Kind.CLASSIFY, "encoder": Kind.CLASSIFY, "tagger": Kind.EXTRACT}


def automatic(kind: Kind) -> tuple[Ladder, Ladder]:
    """Returns the automatic ladder of a kind of task: rungs always tried, and dear ones tried if needed.

    Raises:
        SpecError: no rung serves this kind of task yet.
    """
    ladders = {
        Kind.CLASSIFY: (_CLASSIFY, _CLASSIFY_DEAR),
        Kind.EXTRACT: (_EXTRACT, (_ENCODER_TAGGER, *_TINY)),
        Kind.GENERATE: (_TINY[:1], _TINY[1:]),
    }
    if kind not in ladders:
        raise SpecError(
            f"kind {kind.value!r} has no automatic ladder",
            hint="list the candidates under `ladder:`, e.g. `{kind: recorded, answers: FIELD}`",
        )
    usual, dear = ladders[kind]
    return Ladder(candidates=usual), Ladder(candidates=dear)


def extras_of(candidate: Candidate) -> tuple[str, ...]:
    """Returns the extras that making and serving a candidate needs."""
    made = registry.METHODS[candidate.method].extra if candidate.method in registry.METHODS else None
    served = "gguf" if candidate.kind == "gguf" else None
    return tuple(extra for extra in (made, served) if extra is not None)


def lacking(candidate: Candidate) -> str:
    """Returns what this machine lacks to make and serve a candidate, or nothing."""
    missing = [name for name in extras_of(candidate) if not extras.is_installed(name)]
    if missing:
        return f"the extra {missing[0]!r} is not installed"
    if candidate.method == _ENCODER_TAGGER.method:
        try:
            encoder_for(candidate)
        except ArtefactError as error:
            return error.message
    return ""


def of_spec(spec: Spec) -> tuple[Ladder, Ladder]:
    """Returns the rungs the task file asks for (an explicit list has no dear part).

    Raises:
        SpecError: an unknown method, a method of another kind of model, a teacher that is not listed.
    """
    if spec.ladder is None:
        return automatic(spec.kind)
    rungs = tuple(pinned(_completed(candidate.rung, spec.kind), spec.base) for candidate in spec.ladder)
    names = {rung.name for rung in rungs}
    for rung in rungs:
        if rung.teacher is not None and (rung.teacher not in names or rung.teacher == rung.name):
            raise SpecError(
                f"ladder: {rung.name!r} has the teacher {rung.teacher!r}, which is no other candidate of it",
                hint=f"teachers here: {', '.join(sorted(names - {rung.name})) or 'none'}",
            )
    return Ladder(candidates=_teachers_known(rungs)), Ladder(candidates=())


def _completed(rung: Candidate, kind: Kind) -> Candidate:
    if (served := _TASKS_OF.get(rung.kind, kind)) is not kind:
        raise SpecError(
            f"ladder: {rung.name!r} is {rung.kind}, which serves kind {served.value}, not {kind.value}"
        )
    if rung.kind not in _USUAL_METHOD:
        return rung
    method = _USUAL_METHOD[rung.kind] if rung.method == "given" else rung.method
    entry = registry.entry(method)
    if entry.kind != rung.kind:
        raise SpecError(
            f"ladder: {rung.name!r} is {rung.kind}, but method {method!r} makes {entry.kind} models"
        )
    if entry.needs_teacher and rung.teacher is None:
        raise SpecError(f"ladder: {rung.name!r} needs a 'teacher': another candidate's name")
    return Candidate(
        name=rung.name, kind=rung.kind, method=method, teacher=rung.teacher, settings=rung.settings
    )


def _teachers_known(rungs: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Refuses circles of teachers."""
    by_name = {rung.name: rung for rung in rungs}
    for rung in rungs:
        seen = {rung.name}
        at = rung
        while at.teacher is not None:
            at = by_name[at.teacher]
            if at.name in seen:
                raise SpecError(f"ladder: {rung.name!r} is, through its teachers, its own teacher")
            seen.add(at.name)
    return rungs
