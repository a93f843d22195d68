"""The method `full`: every weight of a base decoder tuned on the task's rows, exported to GGUF and sealed."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from suffice import extras
from suffice.adapt.decoder import loop, settings
from suffice.adapt.decoder.examples import Example, example, request_of
from suffice.adapt.decoder.sealed import Export, file_type, seal
from suffice.adapt.decoder.teachable import Teachable, teachable
from suffice.adapt.decoder.tuning import base_model, canary, chat_rows
from suffice.adapt.decoder.tuning.base_model import BaseModel
from suffice.adapt.training_folder import training_folder
from suffice.candidate import Candidate
from suffice.errors import ArtefactError, DataError, SpecError
from suffice.models.prompt import Prompt
from suffice.ports import Progress, TrainingRows
from suffice.task import Kind, Sample

_LEAST_ROWS, _LEAST_ROWS_PER_LABEL = 20, 4
_SHORTEST_CONTEXT = 256
# 5e-5 at the width 2048, and as 1 / width elsewhere (Yang et al. 2022, muP, table 3), but at most this.
_RATE_TIMES_WIDTH, _LARGEST_RATE = 0.1, 1e-3
_KNOWN = {"base", "hub", "style", "type", "threads", "canary"}


class FullMethod:
    """Makes a gguf candidate by training every weight of a base decoder.

    Settings of the candidate: `base` (a folder of safetensors; with `hub: true` a hub id), `style` (chat
    where the tokenizer has a chat template, else plain), the fields of `loop.Recipe`, `type`, `threads`,
    `canary` (a text file of plain sentences instead of suffice's own, on which forgetting is measured).
    Of rows that are chats (kind generate) every assistant turn is learnt. It wants 20 rows, and 4 of each
    label.
    """

    known = frozenset(_KNOWN)
    rate_times = 1.0

    def wrapped(self, base: BaseModel, candidate: Candidate) -> Any:
        """Returns the model whose parameters with gradients are trained: here the base's own."""
        del candidate
        return base.model

    def whole(self, base: BaseModel, candidate: Candidate, out: Path) -> Any:
        """Returns the trained model as a plain one of transformers."""
        del candidate, out
        return base.model

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
            ArtefactError: the base cannot be used.
            DataError: too few rows (the message says how many it would want), or a diverging loss.
            MissingExtra: torch, transformers, peft or the converter is not installed.
            SpecError: a setting of the candidate cannot be used.
        """
        _check_settings(candidate, self.known)
        sentences = canary.sentences(str(candidate.setting("canary", "")))
        taught = teachable(
            rows, least=_LEAST_ROWS, least_per_label=_LEAST_ROWS_PER_LABEL, what="tuning a decoder"
        )
        torch = extras.require("torch", extra="train", feature="tuning a decoder")
        torch.set_num_threads(settings.number(candidate, "threads", os.cpu_count() or 1))
        torch.manual_seed(seed)
        base = BaseModel(base_model.find(candidate))
        lesson = Lesson(candidate, rows, taught, base, prompt_of(candidate, rows, base))
        rate = self.rate_times * min(_LARGEST_RATE, _RATE_TIMES_WIDTH / base.width)
        job = lesson.job(seed=seed, learning_rate=rate)
        before = canary.losses(base, sentences)
        base.model = self.wrapped(base, candidate)
        state = training_folder(lesson.with_base_named, rows, seed=seed)
        tuned = loop.train(base, job, folder=state, progress=progress)
        base.take(tuned.parameters)
        trained = sum(int(value.numel()) for value in base.trained.values())
        base.model = self.whole(base, candidate, out)
        forgotten = canary.forgetting(before, canary.losses(base, sentences))
        about = {
            "base_sha256": base.sha256,
            "parameters": sum(int(value.numel()) for value in base.model.parameters()),
            "trained_parameters": trained,
            "train_rows": len(taught.train),
            "dev_rows": len(taught.dev),
            "dev_exact": tuned.dev.exact,
            "dev_loss": tuned.dev.loss,
            "epochs": tuned.epochs,
            "learning_rate": job.recipe.learning_rate,
            "canary": asdict(forgotten),
        }
        with tempfile.TemporaryDirectory(prefix="suffice-") as place:
            base.save(Path(place))
            seal(Path(place), out, lesson.export(about))
        shutil.rmtree(state, ignore_errors=True)


@dataclass(frozen=True)
class Lesson:
    """What is learnt by which base."""

    candidate: Candidate
    rows: TrainingRows
    taught: Teachable
    base: BaseModel
    prompt: Prompt

    @property
    def with_base_named(self) -> Candidate:
        """Returns the candidate with its base's hash: the state of another base's training does not fit."""
        named = {**dict(self.candidate.settings), "base_sha256": self.base.sha256}
        return replace(self.candidate, settings=tuple(sorted(named.items())))

    @cached_property
    def train(self) -> list[Example]:
        """Returns the train rows as tokens.

        Raises:
            DataError: a row is longer than the base's context.
        """
        rows = [self._example(sample) for sample in self.taught.train]
        for sample, row in zip(self.taught.train, rows, strict=True):
            if len(row.ids) > self.base.context_tokens:
                where = f" ({sample.source})" if sample.source else ""
                raise DataError(
                    f"a train row{where} has {len(row.ids):,} tokens; the base's context holds"
                    f" {self.base.context_tokens:,}",
                    hint="leave the row out, or shorten its text",
                )
        return rows

    @cached_property
    def dev(self) -> list[Example]:
        """Returns the dev rows as tokens, without those that the base's context does not hold."""
        rows = [self._example(sample) for sample in self.taught.dev]
        return [row for row in rows if len(row.ids) <= self.base.context_tokens]

    def job(self, *, seed: int, learning_rate: float) -> loop.Job:
        """Returns the training, with the candidate's settings over these defaults."""
        recipe = loop.Recipe(
            epochs=3, batch_tokens=2048, learning_rate=learning_rate, weight_decay=0.0, averaging=0.9
        )
        return loop.Job(
            examples=lambda _: self.train,
            dev=self.dev,
            recipe=replace(recipe, **settings.given(self.candidate, loop.Recipe)),
            seed=seed,
            what=f"tuning {self.candidate.name}",
        )

    def export(self, about: Mapping[str, Any]) -> Export:
        """Returns what is sealed beside the weights; the context holds twice the longest row."""
        longest = max(len(row.ids) for row in (*self.train, *self.dev))
        samples = (*self.taught.train, *self.taught.dev)
        texts = {self.prompt.answer_text(sample.target) for sample in samples}
        answer = max(len(self.base.tokenize(text, False)) + 1 for text in texts)  # noqa: FBT003 - no markup
        return Export(
            candidate=self.candidate,
            rows=self.rows,
            dev=self.taught.dev,
            prompt=self.prompt,
            context_tokens=min(
                self.base.context_tokens, max(_SHORTEST_CONTEXT, 1 << (2 * longest - 1).bit_length())
            ),
            max_answer_tokens=answer if self.rows.kind is Kind.CLASSIFY else 2 * answer,
            training=about,
        )

    def _example(self, sample: Sample) -> Example:
        said: dict[str, Any] = {
            "prompt": self.prompt,
            "tokenize": self.base.tokenize,
            "end": [self._end],
        }
        if sample.messages and self.rows.kind is Kind.GENERATE:
            made = chat_rows.example(sample.messages, self.prompt.answer_text(sample.target), **said)
        else:
            made = example(request_of(sample), sample.target, **said)
        return made.begun_with(self.base.vocabulary.tokenize([], is_start=True))

    @cached_property
    def _end(self) -> int:
        return self.base.answer_end(self.prompt)


def prompt_of(candidate: Candidate, rows: TrainingRows, base: BaseModel) -> Prompt:
    """Returns how the task is put to the base: what is tuned on a task knows it, so words are few.

    Raises:
        ArtefactError: the style chat is asked for, and the tokenizer has no chat template.
        SpecError: an unknown style.
    """
    schema = rows.schema if rows.kind is Kind.EXTRACT else None
    style = str(candidate.setting("style", "auto"))
    if style not in {"auto", "chat", "plain"}:
        raise SpecError(f"candidate {candidate.name!r}: the style is auto, chat or plain, not {style!r}")
    template = None
    if style != "plain":
        try:
            template = base.vocabulary.chat_template
        except ArtefactError:
            if style == "chat":
                raise
    if template is None:
        return Prompt(instruction=rows.instruction, schema=schema)
    return Prompt(
        style="chat",
        instruction=rows.instruction,
        chat_template=template,
        bos=base.bos,
        eos=base.eos,
        schema=schema,
    )


def _check_settings(candidate: Candidate, known: frozenset[str]) -> None:
    """Checks the names of the settings, and the type of the weights, before any training."""
    file_type(candidate)
    every = sorted(known | {field.name for field in fields(loop.Recipe)})
    unknown = sorted(set(dict(candidate.settings)) - set(every))
    if unknown:
        raise SpecError(
            f"candidate {candidate.name!r}: the method {candidate.method} has no setting {unknown[0]!r}",
            hint=f"it has {', '.join(every)}",
        )
