"""The judge of a run: a model that is asked about answers, opened from what the task file says of it."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from suffice import fingerprint
from suffice.adapt import registry as methods
from suffice.bar import Metric
from suffice.candidate import Candidate
from suffice.cascade import REFERENCE
from suffice.errors import SpecError
from suffice.models import artefact, registry
from suffice.models.http.openai import OpenAIModel
from suffice.models.recorded import RecordedModel, text_of
from suffice.pipeline.judged_rows import case_of
from suffice.pipeline.rungs.given_weights import pinned
from suffice.pipeline.rungs.ladder import of_spec
from suffice.pipeline.rungs.live_models import Calling, openai_model
from suffice.pipeline.rungs.open_rungs import Workbench
from suffice.ports import Model, Request, TrainingRows
from suffice.readers.judge_keys import JudgeSpec, verdict_key
from suffice.readers.spec import Spec
from suffice.score.judge.asking import VERDICTS, Case, Mode, asked, request_text
from suffice.score.judge.scorer import JudgeScorer
from suffice.task import Kind, Sample, Split

# A verdict is one word; a judge that reasons first needs `max_tokens`.
_VERDICT_TOKENS = 16
# The longest questions at hand say how much a decoder has to read.
_MEASURED = 8
# Stands for an answer of which nothing is known, when costs are estimated.
_UNKNOWN = "word " * 100
# Kinds that may ask servers by themselves, past the run's spend cap.
_CALLING = {"openai", "cascade", "agreement"}


@dataclass(frozen=True, kw_only=True)
class Judging:
    """A judge that is ready to be asked.

    `identity` is the sha256 of all that its verdicts depend on. `is_alone`: there are no human labels, so
    quality is what the judge says it is. `held_usd` is what asking it may cost at most.
    """

    name: str
    identity: str
    scorer: JudgeScorer
    is_alone: bool
    weights: str = ""  # sha256 of a decoder's file, or fingerprint of an artefact
    live: OpenAIModel | None = None
    held_usd: float = 0.0

    @property
    def mode(self) -> Mode:
        """Returns how the judge looks at answers."""
        return self.scorer.mode

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Keeps aside what asking the judge may cost, while other models' costs are held against the cap."""
        try:
            yield
        finally:
            if self.live is not None:
                self.live.release(self.held_usd)


@dataclass(frozen=True, kw_only=True)
class _Opened:
    """A judge's model, and what it is known by."""

    model: Model
    identity: str
    weights: str = ""
    live: OpenAIModel | None = None


def open_judging(spec: Spec, bench: Workbench) -> Judging | None:
    """Returns the judge of a task whose metric is a judge; None for other metrics.

    What all its calls may cost is held against the spend cap before the first one; `Judging.holding` gives
    that back.

    Raises:
        SpecError: the judge cannot be opened, is made up, or calls servers by itself.
        ModelError: its server is elsewhere and suffice is offline, or its key is missing.
        BudgetExceeded: the cap is missing or would be passed.
    """
    judge = spec.judge
    if spec.quality_bar.metric is not Metric.JUDGE or judge is None:
        return None
    mode, rubric = Mode(judge.mode), judge.rubric or ""
    questions = _expected(spec, judge, bench)
    opened = _opened(judge, spec, bench, questions)
    if opened.model.simulated:
        raise SpecError(
            f"the judge {judge.model_name!r} is simulated: its verdicts are made up",
            hint="a certificate never rests on a made-up model; take a real one",
        )
    held = 0.0
    if opened.live is not None:
        known = bench.store.answers(opened.identity, [request.key for request in questions])
        missing = [request for request in questions if request.key not in known]
        opened.live.check_allowed(missing)
        held = opened.live.hold(missing)
    return Judging(
        name=judge.model_name,
        identity=fingerprint.of_value((opened.identity, mode.value, rubric)),
        scorer=JudgeScorer(opened.model, mode=mode, rubric=rubric),
        is_alone=not judge.human,
        weights=opened.weights,
        live=opened.live,
        held_usd=held,
    )


def _expected(spec: Spec, judge: JudgeSpec, bench: Workbench) -> list[Request]:
    """Returns the questions that asking about every answer would take, each once.

    Answers that are not known yet are taken to be as long as what they are judged beside.
    """
    mode, rubric = Mode(judge.mode), judge.rubric or ""
    fields = spec.recorded_fields
    names = [c.name for ladder in of_spec(spec) for c in ladder.candidates if c.kind != "agreement"]
    if spec.reference is not None and mode is Mode.GRADE:
        names.append(REFERENCE)
    # A live reference has not answered yet.
    is_open = mode is Mode.COMPARE and spec.reference is not None and spec.reference.openai is not None
    found: dict[str, Request] = {}
    for sample in (*bench.rows.splits[Split.DEV], *bench.rows.splits[Split.CERTIFY]):
        case = case_of(sample, mode, has_reference=spec.reference is not None)
        if case is None and is_open:
            case = Case(request=request_text(sample), beside=text_of(sample.target) or _UNKNOWN)
        if case is None:
            continue
        for at, name in enumerate(names):
            answer = _answer_of(sample, name)
            if answer is None and name in fields:
                continue  # recorded, and not on this row
            text = answer if answer is not None else f"{case.beside} ({at})"
            found |= {request.key: request for request in asked(case, text, mode, rubric=rubric)}
    return list(found.values())


def _answer_of(sample: Sample, name: str) -> str | None:
    return text_of(sample.reference if name == REFERENCE else sample.recorded.get(name))


def _opened(judge: JudgeSpec, spec: Spec, bench: Workbench, questions: Sequence[Request]) -> _Opened:
    if judge.openai is not None:
        return _endpoint(judge, bench)
    if judge.file is not None:
        return _decoder(judge, spec, bench, questions)
    if judge.artefact is not None:
        return _artefact(judge, spec, bench)
    return _recorded(judge, spec, bench)


def _endpoint(judge: JudgeSpec, bench: Workbench) -> _Opened:
    told = {} if judge.openai is None else judge.openai.model_dump(exclude_none=True)
    calling = Calling(labels=(), account=bench.account, offline=bench.offline)
    live = openai_model(judge.model_name, {"max_tokens": _VERDICT_TOKENS, **told}, calling)
    return _Opened(model=bench.remembered(live, live.identity), identity=live.identity, live=live)


def _decoder(judge: JudgeSpec, spec: Spec, bench: Workbench, questions: Sequence[Request]) -> _Opened:
    """Returns a GGUF file as a judge that chooses among the verdicts by their probabilities."""
    path = spec.path(str(judge.file))
    if not path.is_file():
        raise SpecError(
            f"judge.file is {judge.file!r}, but {path} is no file", hint="paths are relative to the task file"
        )
    plain = Candidate(
        name=judge.model_name, kind="gguf", method="prompt", settings=(("file", str(judge.file)),)
    )
    candidate = pinned(plain, spec.base)
    longest = sorted(questions, key=lambda request: (-len(request.text), request.key))[:_MEASURED]
    labels = VERDICTS[Mode(judge.mode)]
    name = fingerprint.of_value(("judge", candidate, labels, [request.key for request in longest]))
    folder = bench.store.artefact(name)
    if folder is None:
        making = bench.store.workplace(name)
        rows = TrainingRows(
            labels=labels,
            train=(),
            dev=tuple(Sample(key=request.key, text=request.text) for request in longest),
            kind=Kind.CLASSIFY,
            instruction="You judge answers. Say one of these words, and nothing else:",
        )
        methods.method("prompt").apply(
            candidate, rows, out=making, teacher=None, seed=bench.seed, progress=bench.progress
        )
        folder = bench.store.keep_artefact(name, making)
    opened = _local(registry.load(folder), folder, bench)
    return _Opened(model=opened.model, identity=opened.identity, weights=str(candidate.setting("sha256", "")))


def _artefact(judge: JudgeSpec, spec: Spec, bench: Workbench) -> _Opened:
    folder = spec.path(str(judge.artefact))
    if not folder.is_dir():
        raise SpecError(
            f"judge.artefact is {judge.artefact!r}, but {folder} is no folder",
            hint="give a model's folder of a bundle, relative to the task file",
        )
    kind = artefact.unseal(folder).kind
    if kind in _CALLING:
        raise SpecError(
            f"judge.artefact is a model of kind {kind}, which may call servers past the spend cap",
            hint="name the server under 'judge.openai'",
        )
    return _local(registry.load(folder), folder, bench)


def _local(model: Model, folder: Path, bench: Workbench) -> _Opened:
    name = fingerprint.of_value(fingerprint.of_folder(folder))
    return _Opened(model=bench.remembered(model, name), identity=name, weights=name)


def _recorded(judge: JudgeSpec, spec: Spec, bench: Workbench) -> _Opened:
    """Returns a judge whose verdicts stand in the data, by the questions that they answer."""
    mode, rubric = Mode(judge.mode), judge.rubric or ""
    said: dict[str, str] = {}
    for sample in (*bench.rows.splits[Split.DEV], *bench.rows.splits[Split.CERTIFY]):
        case = case_of(sample, mode, has_reference=spec.reference is not None)
        for name in judge.verdicts or {}:
            answer = _answer_of(sample, name)
            if case is None or answer is None:
                continue
            for order, request in enumerate(asked(case, answer, mode, rubric=rubric)):
                verdict = text_of(sample.recorded.get(verdict_key(name, order)))
                if verdict is not None:
                    said.setdefault(request.key, verdict)
    model = RecordedModel(judge.model_name, said)
    return _Opened(model=model, identity=fingerprint.of_value(("verdicts", said)))
