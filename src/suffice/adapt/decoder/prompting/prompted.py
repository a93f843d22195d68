"""The method `prompt`: a base decoder as it is, told what to do, with examples or without."""

import asyncio
import os
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from suffice import files, fingerprint
from suffice.adapt.decoder.calibrate import IsRight, calibrate
from suffice.adapt.decoder.prompting import prompt_plan
from suffice.adapt.decoder.prompting.prompt_plan import Plan
from suffice.adapt.decoder.prompting.prompt_settings import PromptSettings
from suffice.adapt.decoder.prompting.shots import kept_rows
from suffice.adapt.decoder.sealed import write_weights
from suffice.adapt.encoder import quantised_body
from suffice.adapt.encoder.embedding_head import copy_body
from suffice.adapt.encoder.weights import find_encoder
from suffice.candidate import Candidate
from suffice.errors import ArtefactError, SpecError
from suffice.forms import form_of
from suffice.models import artefact
from suffice.models.embedder import Embedder
from suffice.models.gguf import header, nearest
from suffice.models.gguf.engine import LlamaEngine
from suffice.models.gguf.model import GgufClassifier, GgufModel
from suffice.models.gguf.nearest import KeptRows
from suffice.models.gguf.served import WEIGHTS
from suffice.ports import Progress, TrainingRows
from suffice.task import JsonValue, Kind

_PLANNING_CONTEXT = 512  # nothing is read while the prompt is planned, only counted
# A temperature has one parameter, and every row is read once more than the run would read it.
_CALIBRATED, _REORDERED = 400, 100


class PromptMethod:
    """Makes a gguf candidate of a base decoder without training: zero-shot, k-shot, nearest shots.

    Settings of the candidate: see `PromptSettings`. With `choose: nearest` the artefact keeps up to 10,000
    train rows in words; with fixed shots those that are shown. An embedder may be given in the place of
    the official encoder.
    """

    def __init__(self, embedder: Embedder | None = None) -> None:
        self._embedder = embedder

    def apply(
        self,
        candidate: Candidate,
        rows: TrainingRows,
        *,
        out: Path,
        teacher: Path | None,  # noqa: ARG002 - the port's signature
        seed: int,
        progress: Progress,
    ) -> None:
        """Writes the artefact into `out`.

        Raises:
            ArtefactError: the weights are damaged, foreign, or not those that the run began with.
            DataError: fewer train rows than shots.
            MissingExtra: the extra `gguf` is not installed, or `train` where safetensors are exported.
            SpecError: a setting that cannot be used, or a prompt that does not fit the context.
        """
        wanted = PromptSettings.of(candidate)
        _check_kind(candidate, wanted, rows.kind)
        threads = wanted.threads or os.cpu_count() or 1
        progress("preparing the decoder", 0, 3)
        weights = _weights(candidate, wanted, out)
        engine = LlamaEngine(out / WEIGHTS, threads=threads, context_tokens=_PLANNING_CONTEXT)
        try:
            plan = prompt_plan.plan(engine, candidate, rows, wanted=wanted, seed=seed)
        finally:
            engine.close()
        if plan.kept:
            self._keep(plan, wanted, out, threads=threads)
        shown = wanted.shots if wanted.choose == "fixed" else len(plan.kept)
        told: dict[str, Any] = {"weights": weights, "keeps_texts": shown > 0, "rows_kept": shown}
        artefact.seal(out, kind="gguf", settings={**plan.settings.to_json(), **told})
        progress("calibrating the decoder", 1, 3)
        dev = kept_rows(rows.dev, _CALIBRATED)
        calibrate(out, dev, threads=threads, is_right=_judged_by(plan))
        progress("listing the labels the other way round", 2, 3)
        if rows.kind is Kind.CLASSIFY and dev:
            _tell_order_bias(out, [sample.text for sample in dev[:_REORDERED]], threads=threads)
        progress("preparing the decoder", 3, 3)

    def _keep(self, plan: Plan, wanted: PromptSettings, out: Path, *, threads: int) -> None:
        """Writes the encoder, and what it makes of the rows that may be shown."""
        if self._embedder is None:
            place = Path(wanted.weights) if wanted.weights else None
            quantised_body.write_body(find_encoder(place, hub=wanted.hub), out)
        else:
            copy_body(self._embedder.folder, out)
        prompt = plan.settings.prompt
        texts = [sample.text.strip() for sample in plan.kept]
        answers = [prompt.answer_text(sample.target) for sample in plan.kept]
        vectors = Embedder(out, threads=threads).embed(texts).vectors
        shots = tuple(zip(texts, answers, strict=True))
        nearest.save(KeptRows(shots=shots, vectors=vectors), out)


def _check_kind(candidate: Candidate, wanted: PromptSettings, kind: Kind) -> None:
    if kind is Kind.RANK:
        raise SpecError(f"candidate {candidate.name!r}: decoders classify, extract and generate; not rank")
    if wanted.codes and kind is not Kind.CLASSIFY:
        raise SpecError(f"candidate {candidate.name!r}: codes stand for labels; the task is to {kind.value}")


def _weights(candidate: Candidate, wanted: PromptSettings, out: Path) -> dict[str, Any]:
    """Returns what lies in `out` now: the file's copy, or the exported folder."""
    if wanted.base:
        with tempfile.TemporaryDirectory(prefix="suffice-") as place:
            about = write_weights(Path(wanted.base), out, candidate, workplace=Path(place))
    else:
        path = Path(wanted.file)
        about = {"bits_per_weight": header.read(path).bits_per_weight}
        with files.writable(out):
            shutil.copyfile(path, out / WEIGHTS)
        if wanted.sha256 and fingerprint.of_file(out / WEIGHTS) != wanted.sha256:
            raise ArtefactError(f"{path} has changed since the run began", hint="run again")
    return {**about, "from": Path(wanted.base or wanted.file).name}


def _judged_by(plan: Plan) -> IsRight | None:
    """Returns whether an answer is right in the form in which samples are compared, too."""
    if plan.settings.form is None:
        return None
    form = form_of(plan.settings.form)

    def is_right(target: JsonValue, said: str | None) -> bool:
        wanted = form(target)
        return said is not None and wanted is not None and form(said) == wanted

    return is_right


def _tell_order_bias(folder: Path, texts: list[str], *, threads: int) -> None:
    """Adds to the sealed settings how many answers change when the labels are listed the other way round."""
    opened = artefact.unseal(folder)
    model = GgufModel.load(folder, threads=threads)
    if not isinstance(model, GgufClassifier):
        raise ArtefactError(f"{folder} holds no classifier")
    try:
        found = model.order_bias(texts, orders=1)
    finally:
        asyncio.run(model.close())
    told = {"order_bias": {**asdict(found), "split": "dev", "order": "reversed"}}
    artefact.seal(folder, kind=opened.kind, settings={**opened.settings, **told})
