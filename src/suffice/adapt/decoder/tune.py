"""The methods `lora` and `full`: a base decoder tuned on the task's rows, exported to GGUF and sealed."""

import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from suffice import extras
from suffice.adapt.decoder import base_model, canary, chat_rows, loop, settings
from suffice.adapt.decoder.base_model import BaseModel
from suffice.adapt.decoder.examples import Example, example, request_of
from suffice.adapt.decoder.sealed import Export, file_type, seal
from suffice.adapt.decoder.teachable import Teachable, teachable
from suffice.adapt.training_folder import training_folder
from suffice.candidate import Candidate
from suffice.errors import ArtefactError, DataError
from suffice.models.prompt import Prompt
from suffice.models.transformers import engine
from suffice.ports import Progress, TrainingRows
from suffice.task import Kind, Sample

_LEAST_ROWS, _LEAST_ROWS_PER_LABEL = 20, 4
_FULL_RATE = 1e-4
_LORA_TIMES = 10.0  # Schulman & Thinking Machines Lab 2025, LoRA Without Regret: ten times the full rate
_RANK, _ALPHA = 16, 32
ADAPTER = "adapter"


class FullMethod:
    """Makes a gguf candidate by training every weight of a base decoder.

    Settings of the candidate: `base` (a folder of safetensors, or a hub id), `style` (chat where the
    tokenizer has a chat template, else plain), the fields of `loop.Recipe`, `type`, `threads`. Rows
    that are chats are learnt on all their assistant turns. It wants 20 rows, and 4 of each label.
    """

    lora = False

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
        file_type(candidate)  # a wrong type is told before any training
        taught = teachable(
            rows, least=_LEAST_ROWS, least_per_label=_LEAST_ROWS_PER_LABEL, what="tuning a decoder"
        )
        torch = extras.require("torch", extra="train", feature="tuning a decoder")
        torch.set_num_threads(settings.number(candidate, "threads", os.cpu_count() or 1))
        torch.manual_seed(seed)
        base = BaseModel(base_model.find(candidate))
        before = canary.loss(base)
        if self.lora:
            base.model = _with_adapter(base, candidate)
        lesson = _Lesson(candidate, rows, taught, base, _prompt(candidate, rows, base))
        job = lesson.job(seed=seed, learning_rate=_FULL_RATE * (_LORA_TIMES if self.lora else 1.0))
        state = training_folder(candidate, rows, seed=seed)
        tuned = loop.train(base, job, folder=state, progress=progress)
        base.take(tuned.parameters)
        parameters = sum(value.numel() for value in base.trained.values())
        if self.lora:
            if candidate.setting("keep_adapter", False):  # noqa: FBT003 - a setting's default
                base.model.save_pretrained(out / ADAPTER)
            base.model = base.model.merge_and_unload()
        about = {
            "base": Path(str(candidate.setting("base", ""))).name,
            "trained_parameters": parameters,
            "train_rows": len(taught.train),
            "dev_rows": len(taught.dev),
            "dev_exact": tuned.dev.exact,
            "dev_loss": tuned.dev.loss,
            "epochs": tuned.epochs,
            "canary": {"loss_before": before, "loss_after": canary.loss(base), "texts": len(canary.TEXTS)},
        }
        with tempfile.TemporaryDirectory(prefix="suffice-") as place:
            base.save(Path(place))
            seal(Path(place), out, lesson.export(about))
        shutil.rmtree(state, ignore_errors=True)


class LoraMethod(FullMethod):
    """Makes a gguf candidate by training low-rank additions to all linear layers of a base (Hu et al. 2022).

    Settings as for `full`, and `rank` (16), `alpha` (32), `keep_adapter` (also keeps the adapter's own
    safetensors beside the merged weights). Learning rate: ten times that of `full`.
    """

    lora = True


@dataclass(frozen=True)
class _Lesson:
    """What is learnt by which base."""

    candidate: Candidate
    rows: TrainingRows
    taught: Teachable
    base: BaseModel
    prompt: Prompt

    def example(self, sample: Sample) -> Example:
        said: dict[str, Any] = {
            "prompt": self.prompt,
            "tokenize": self.base.tokenize,
            "end": [self.base.end_id],
        }
        if sample.messages and self.rows.kind is Kind.GENERATE:
            made = chat_rows.example(sample.messages, self.prompt.answer_text(sample.target), **said)
        else:
            made = example(request_of(sample), sample.target, **said)
        return made.begun_with(self.base.vocabulary.tokenize([], is_start=True))

    def job(self, *, seed: int, learning_rate: float) -> loop.Job:
        train = [self.example(sample) for sample in self.taught.train]
        for sample, row in zip(self.taught.train, train, strict=True):
            if len(row.ids) > self.base.context_tokens:
                where = f" ({sample.source})" if sample.source else ""
                raise DataError(
                    f"a train row{where} has {len(row.ids):,} tokens; the base's context holds"
                    f" {self.base.context_tokens:,}",
                    hint="leave the row out, or shorten its text",
                )
        recipe = loop.Recipe(
            epochs=3, batch_tokens=2048, learning_rate=learning_rate, weight_decay=0.0, averaging=0.9
        )
        return loop.Job(
            examples=lambda _: train,
            dev=[self.example(sample) for sample in self.taught.dev],
            recipe=replace(recipe, **settings.given(self.candidate, loop.Recipe)),
            seed=seed,
            what=f"tuning {self.candidate.name}",
        )

    def export(self, about: dict[str, Any]) -> Export:
        answers = [
            self.prompt.answer_text(sample.target) for sample in (*self.taught.train, *self.taught.dev)
        ]
        longest = max(len(self.base.tokenize(text, False)) + 1 for text in answers)  # noqa: FBT003 - no markup
        return Export(
            candidate=self.candidate,
            rows=self.rows,
            dev=self.taught.dev,
            prompt=self.prompt,
            context_tokens=self.base.context_tokens,
            max_answer_tokens=longest if self.rows.kind is Kind.CLASSIFY else 2 * longest,
            training=about,
        )


def _with_adapter(base: BaseModel, candidate: Candidate) -> Any:
    peft = extras.require("peft", extra="train", feature="LoRA")
    config = peft.LoraConfig(
        r=settings.number(candidate, "rank", _RANK),
        lora_alpha=settings.number(candidate, "alpha", _ALPHA),
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    with engine.quiet(extras.require("transformers", extra="train", feature="LoRA")):
        return peft.get_peft_model(base.model, config)


def _prompt(candidate: Candidate, rows: TrainingRows, base: BaseModel) -> Prompt:
    """Returns how the task is put to the base: the tuned model knows the task, so words are few."""
    schema = rows.schema if rows.kind is Kind.EXTRACT else None
    style = str(candidate.setting("style", ""))
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
