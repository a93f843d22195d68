"""The method `tiny`: a decoder trained from scratch on the task's own rows, exported to GGUF and sealed."""

import math
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from suffice.adapt.decoder import loop, settings
from suffice.adapt.decoder.examples import Example, example, request_of
from suffice.adapt.decoder.scratch import llama_torch, tokenizer
from suffice.adapt.decoder.scratch.fragments import fragments, pieces
from suffice.adapt.decoder.scratch.shape import Shape
from suffice.adapt.decoder.scratch.swapped_values import ValueSwapper
from suffice.adapt.decoder.scratch.tiny_net import TinyNet
from suffice.adapt.decoder.scratch.tokenizer import LearntTokenizer
from suffice.adapt.decoder.sealed import Export, file_type, seal
from suffice.adapt.decoder.teachable import Teachable, teachable
from suffice.adapt.training_folder import training_folder
from suffice.candidate import Candidate
from suffice.errors import DataError
from suffice.models.prompt import Prompt
from suffice.ports import Progress, Request, TrainingRows
from suffice.task import JsonValue, Kind, Sample

_LEAST_ROWS, _LEAST_ROWS_PER_LABEL = 60, 8
_MOST_TOKENS_PER_ROW = 2048
_SHORTEST_CONTEXT = 256
_RATE_TIMES_WIDTH = 0.55  # Yang et al. 2022 (muP), table 3: Adam's rate falls as 1 / width
_TOKENS_READ, _LEAST_EPOCHS, _MOST_EPOCHS = 3_500_000, 6, 60
_DEPTH_OF_ONE_THREAD = 4
_WORDS_PER_TOKEN = 8  # words of train for each token of the vocabulary, at least


class TinyMethod:
    """Makes a gguf candidate: a Llama-shaped decoder whose every weight was learnt from the train rows.

    Settings of the candidate: `depth` (2, 4, 6, 8 or 10; by default 4: about a million parameters), the
    fields of `loop.Recipe`, `type` (q8_0; f16, f32 and the quantiser's other types), `swap` and
    `strange` (extract: see `ValueSwapper`), `word_dropout` (classify: the share of a text's words left
    out in each epoch), `threads` (1 up to depth 4, else all). It wants 60 rows, and 8 of each label.
    """

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
            DataError: too few rows (the message says how many it would want), or a diverging loss.
            MissingExtra: torch or the converter is not installed.
            SpecError: a setting of the candidate cannot be used.
        """
        lesson = tiny_lesson(candidate, rows)
        make(lesson, out=out, seed=seed, progress=progress)


@dataclass(frozen=True)
class Lesson:
    """What a tiny decoder is, and what it learns from: everything but the training itself."""

    candidate: Candidate
    rows: TrainingRows
    taught: Teachable
    shape: Shape
    prompt: Prompt
    tokenizer: LearntTokenizer

    def tokenize(self, text: str, is_markup: bool) -> list[int]:  # noqa: FBT001 - the two kinds of text
        """Returns a text's tokens; in markup control tokens count."""
        return self.tokenizer.markup(text) if is_markup else self.tokenizer.plain(text)

    def example(self, request: Request, target: JsonValue) -> Example:
        """Returns one row as tokens."""
        end = [self.tokenizer.end_id]
        return example(request, target, prompt=self.prompt, tokenize=self.tokenize, end=end)

    @cached_property
    def dev(self) -> list[Example]:
        """Returns the dev rows as tokens, without those that are too long to be learnt from."""
        rows = [self.example(request_of(sample), sample.target) for sample in self.taught.dev]
        return [row for row in rows if len(row.ids) <= _MOST_TOKENS_PER_ROW]

    @cached_property
    def train(self) -> list[Example]:
        """Returns the train rows as they are, as tokens."""
        return [self.example(request_of(sample), sample.target) for sample in self.taught.train]

    @property
    def recipe(self) -> loop.Recipe:
        """Returns the recipe with the candidate's settings.

        Wider decoders learn at lower rates; few rows are read more often, towards 3.5 million tokens.
        """
        tokens = sum(len(row.ids) for row in self.train)
        epochs = min(_MOST_EPOCHS, max(_LEAST_EPOCHS, math.ceil(_TOKENS_READ / tokens)))
        given = settings.given(self.candidate, loop.Recipe)
        values: dict[str, Any] = {"learning_rate": _RATE_TIMES_WIDTH / self.shape.width, "epochs": epochs}
        values |= given
        values.setdefault("patience", max(4, values["epochs"] // 4))
        return loop.Recipe(**values)


def tiny_lesson(candidate: Candidate, rows: TrainingRows, *, known: LearntTokenizer | None = None) -> Lesson:
    """Returns what a tiny decoder learns from; its tokenizer is learnt on the train rows, or known already.

    Raises:
        DataError: too few rows, or a row of more than 2,048 tokens' worth of text.
        SpecError: a setting of the candidate cannot be used.
    """
    shape = Shape(depth=settings.number(candidate, "depth", 4))
    taught = teachable(
        rows, least=_LEAST_ROWS, least_per_label=_LEAST_ROWS_PER_LABEL, what="a decoder from scratch"
    )
    prompt = Prompt(schema=rows.schema if rows.kind is Kind.EXTRACT else None)
    words = known or _tokenizer(taught, shape, prompt)
    return Lesson(candidate, rows, taught, shape, prompt, words)


def make(
    lesson: Lesson,
    *,
    out: Path,
    seed: int,
    progress: Progress,
    examples: Callable[[int], Sequence[Example]] | None = None,
    teacher: loop.Teacher | None = None,
) -> None:
    """Trains the lesson's decoder, by default on its own rows and variations, and seals it in `out`."""
    file_type(lesson.candidate)
    torch = llama_torch.require_torch()
    # On a busy machine several threads that wait for one another at every small product are far slower.
    usual = 1 if lesson.shape.depth <= _DEPTH_OF_ONE_THREAD else os.cpu_count() or 1
    torch.set_num_threads(settings.number(lesson.candidate, "threads", usual))
    context = _context(lesson)
    net = TinyNet(lesson.shape, lesson.tokenizer, seed=seed)
    job = loop.Job(
        examples=examples or variations(lesson, seed=seed),
        dev=lesson.dev,
        recipe=lesson.recipe,
        seed=seed,
        teacher=teacher,
        what=f"training {lesson.candidate.name}",
    )
    state = training_folder(lesson.candidate, lesson.rows, seed=seed)
    tuned = loop.train(net, job, folder=state, progress=progress)
    with tempfile.TemporaryDirectory(prefix="suffice-") as place:
        folder = Path(place)
        net.save(tuned.parameters, folder, context=context)
        lesson.tokenizer.save(folder)
        export = Export(
            candidate=lesson.candidate,
            rows=lesson.rows,
            dev=lesson.taught.dev,
            prompt=lesson.prompt,
            context_tokens=context,
            max_answer_tokens=_longest_answer(lesson),
            training={
                "parameters": lesson.shape.parameters(lesson.tokenizer.size),
                "train_rows": len(lesson.taught.train),
                "dev_rows": len(lesson.taught.dev),
                "dev_exact": tuned.dev.exact,
                "dev_loss": tuned.dev.loss,
                "epochs": tuned.epochs,
            },
        )
        seal(folder, out, export)
    shutil.rmtree(state, ignore_errors=True)


def variations(lesson: Lesson, *, seed: int) -> Callable[[int], Sequence[Example]]:
    """Returns the rows of each epoch: as they are, or varied in the way that suits the task's kind."""
    candidate, train = lesson.candidate, lesson.taught.train
    if lesson.rows.kind is Kind.EXTRACT and any(not sample.messages for sample in train):
        share = settings.number(candidate, "swap", 0.5)
        strange = settings.number(candidate, "strange", 0.1)
        swapper = ValueSwapper(
            [(sample.text, sample.target) for sample in train], share=share, strange=strange
        )

        def varied(sample: int, rng: np.random.Generator) -> tuple[str, JsonValue]:
            return swapper.variation(sample, rng)

        if share <= 0 or not swapper.slots:
            return lambda _: lesson.train
    else:
        dropout = settings.number(candidate, "word_dropout", 0.1 if lesson.rows.labels else 0.0)
        if dropout <= 0:
            return lambda _: lesson.train

        def varied(sample: int, rng: np.random.Generator) -> tuple[str, JsonValue]:
            words = train[sample].text.split(" ")
            kept = [word for word in words if rng.random() >= dropout]
            return " ".join(kept or words), train[sample].target

    def rows_of(epoch: int) -> list[Example]:
        rng = np.random.default_rng((seed, epoch, 1))
        made = [varied(row, rng) for row in range(len(train))]
        return [lesson.example(Request(text=text), target) for text, target in made]

    return rows_of


def _tokenizer(taught: Teachable, shape: Shape, prompt: Prompt) -> LearntTokenizer:
    documents = [prompt.document(request_of(sample)) for sample in taught.train]
    targets = [sample.target for sample in taught.train]
    fixed = fragments(targets, documents, prompt=prompt)
    texts = [*documents, *_answers(taught.train, prompt, fixed)]
    words = sum(len(text.split()) for text in texts)
    most = max(_SHORTEST_CONTEXT * 2, min(shape.most_tokens, words // _WORDS_PER_TOKEN))
    return tokenizer.learn(texts, most_tokens=most, fragments=fixed)


def _answers(train: Sequence[Sample], prompt: Prompt, fixed: Sequence[str]) -> list[str]:
    """Returns what answers say besides their fixed parts."""
    known = set(fixed)
    if prompt.schema is None:
        answers = [prompt.answer_text(sample.target) for sample in train]
    else:
        answers = [text for sample in train for text, is_open in pieces(sample.target, prompt) if is_open]
    return [text for text in answers if text not in known]


def _context(lesson: Lesson) -> int:
    """Returns the context: the power of two above twice the longest row.

    Raises:
        DataError: a row is too long to be learnt from.
    """
    for sample, row in zip(lesson.taught.train, lesson.train, strict=True):
        if len(row.ids) > _MOST_TOKENS_PER_ROW:
            where = f" ({sample.source})" if sample.source else ""
            raise DataError(
                f"a train row{where} has {len(row.ids):,} tokens; a decoder from scratch reads at most"
                f" {_MOST_TOKENS_PER_ROW:,}",
                hint="leave the row out, or shorten its text",
            )
    longest = max(len(row.ids) for row in lesson.train)
    return max(_SHORTEST_CONTEXT, 1 << (2 * longest - 1).bit_length())


def _longest_answer(lesson: Lesson) -> int:
    longest = max(int(row.is_answer.sum()) for row in (*lesson.train, *lesson.dev))
    return longest if lesson.rows.kind is Kind.CLASSIFY else 2 * longest
