"""How a decoder that is only prompted is asked: its words, its examples, and the room they take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from suffice.adapt.decoder.prompting.prompt_settings import PromptSettings
from suffice.adapt.decoder.prompting.shots import codes_of, fixed_shots, kept_rows
from suffice.candidate import Candidate
from suffice.errors import ArtefactError, SpecError
from suffice.models.gguf.engine import LlamaEngine
from suffice.models.gguf.settings import DecoderSettings
from suffice.models.prompt import PLAIN_MARK, Part, Prompt, instruction_of
from suffice.ports import Request, TrainingRows
from suffice.task import Kind, Sample

# Rows whose lengths are looked at, and that the nearest are chosen from.
_MEASURED, _KEPT = 2_000, 10_000
_LONGEST_ANSWER = 1_024  # tokens
_CONTEXT_STEP = 256
_BETWEEN_SHOTS = "\n\n"  # where an answer in the plain style ends
_USUAL_FORM = {Kind.EXTRACT: "exact_match", Kind.GENERATE: "normalised_match"}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is sealed: the settings, and the rows that the nearest examples are chosen from, () for none."""

    settings: DecoderSettings
    kept: tuple[Sample, ...] = ()


def plan(
    engine: LlamaEngine, candidate: Candidate, rows: TrainingRows, *, wanted: PromptSettings, seed: int
) -> Plan:
    """Returns how the task is put to the decoder in the engine.

    Raises:
        DataError: there are fewer train rows than shots.
        SpecError: the prompt does not fit the context (both numbers are named), codes that the tokenizer
            lacks, chat without a template, or nothing to learn the length of answers from.
    """
    prompt = _prompt(engine, candidate, rows, wanted=wanted)
    is_nearest = wanted.choose == "nearest"
    labels = rows.labels if rows.kind is Kind.CLASSIFY else ()
    shown = fixed_shots(rows.train, wanted.shots, labels=labels, seed=seed)
    if not is_nearest:
        shots = tuple((sample.text.strip(), prompt.answer_text(sample.target)) for sample in shown)
        prompt = replace(prompt, shots=shots)
    sizes = _Sizes(engine, prompt, rows, wanted)
    settings = DecoderSettings(
        name=candidate.name,
        kind=rows.kind,
        labels=labels,
        schema=rows.schema if rows.kind is Kind.EXTRACT else None,
        prompt=prompt,
        context_tokens=sizes.context(candidate),
        max_answer_tokens=sizes.answer,
        samples=wanted.samples if rows.kind in _USUAL_FORM else 0,
        sample_temperature=wanted.temperature,
        form=_form(rows.kind, wanted),
        stop=_stop(prompt, rows),
        nearest=wanted.shots if is_nearest else 0,
    )
    return Plan(settings=settings, kept=tuple(kept_rows(rows.train, _KEPT)) if is_nearest else ())


def _prompt(
    engine: LlamaEngine, candidate: Candidate, rows: TrainingRows, *, wanted: PromptSettings
) -> Prompt:
    """Returns the words around a document, without examples."""

    def tokenize(text: str) -> list[int]:
        return engine.tokenize([Part(text=text, is_markup=False)], is_start=False)

    schema = rows.schema if rows.kind is Kind.EXTRACT else None
    try:
        codes = codes_of(rows.labels, tokenize) if wanted.codes else ()
    except SpecError as error:
        raise SpecError(f"candidate {candidate.name!r}: {error.message}", hint=error.hint) from error
    instruction = instruction_of(
        rows.kind, words=rows.instruction, labels=rows.labels, schema=schema, codes=codes
    )
    prompt = Prompt(instruction=instruction, codes=codes, schema=schema)
    if wanted.style == "plain":
        return prompt
    try:
        template = engine.chat_template
    except ArtefactError as error:
        if wanted.style == "auto":
            return prompt
        raise SpecError(
            f"candidate {candidate.name!r}: style is chat, but {error.message}",
            hint="leave 'style' out, or say 'style: plain'",
        ) from error
    bos, eos = engine.marks
    return replace(prompt, style="chat", chat_template=template, bos=bos, eos=eos)


class _Sizes:
    """What texts and answers take, in tokens, by the rows at hand."""

    def __init__(
        self, engine: LlamaEngine, prompt: Prompt, rows: TrainingRows, wanted: PromptSettings
    ) -> None:
        self._engine = engine
        self._wanted = wanted
        self._trained = int(engine.header.of_architecture("context_length"))
        some = kept_rows([*rows.train, *rows.dev], _MEASURED)
        suffix = Part(text=prompt.suffix(), is_markup=True)
        texts = [Part(text=prompt.document(Request(text=s.text)), is_markup=False) for s in some]
        documents = [self._count([text, suffix]) for text in texts] or [1]
        answers = [self._count([Part(text=text, is_markup=False)]) + 1 for text in _answers(prompt, rows)]
        self.answer = wanted.max_answer_tokens or _room(answers, rows.kind)
        self._usual, self._longest = int(np.median(documents)), max(documents)
        self.prefix = len(engine.tokenize(prompt.prefix_parts(), is_start=True))
        self._shots = 0
        if wanted.choose == "nearest":
            around = len(engine.tokenize(replace(prompt, shots=(("", ""),)).prefix_parts(), is_start=True))
            row = np.quantile(documents, 0.95) + np.quantile(answers or [1], 0.95)
            self._shots = round(wanted.shots * (around - self.prefix + row))

    def context(self, candidate: Candidate) -> int:
        """Returns how many tokens the context is to hold: room for texts of twice the longest row's length.

        Raises:
            SpecError: that is more than the decoder was made for, or too little for a usual text.
        """
        if self._wanted.context > self._trained:
            raise SpecError(
                f"candidate {candidate.name!r}: context is {self._wanted.context:,} tokens; the decoder was"
                f" made for {self._trained:,}"
            )
        needed = self.prefix + self._shots + 2 * self._longest + self.answer
        rounded = -(-needed // _CONTEXT_STEP) * _CONTEXT_STEP
        context = self._wanted.context or min(rounded, self._trained)
        least = self.prefix + self._usual + self.answer
        if least > context:
            raise SpecError(
                f"candidate {candidate.name!r}: a usual request takes {least:,} tokens ({self.prefix:,} for"
                f" the instruction and its shots, {self._usual:,} for the text, {self.answer:,} for the"
                f" answer); the context holds {context:,}",
                hint="show fewer shots, or take a decoder of a longer context",
            )
        return context

    def _count(self, parts: Sequence[Part]) -> int:
        return len(self._engine.tokenize(parts, is_start=False))


def _answers(prompt: Prompt, rows: TrainingRows) -> list[str]:
    if rows.kind is Kind.CLASSIFY:
        return [prompt.answer_text(label) for label in rows.labels]
    return [prompt.answer_text(sample.target) for sample in kept_rows(rows.train, _MEASURED)]


def _room(answers: Sequence[int], kind: Kind) -> int:
    """Returns the most tokens an answer may have: a label's, or twice the longest one's of train."""
    if not answers:
        return DecoderSettings.max_answer_tokens
    return max(answers) if kind is Kind.CLASSIFY else min(2 * max(answers), _LONGEST_ANSWER)


def _stop(prompt: Prompt, rows: TrainingRows) -> tuple[str, ...]:
    """Returns the texts before which a written answer ends, where no turn's end does it."""
    if prompt.style == "chat" or rows.kind is not Kind.GENERATE:
        return ()
    has_paragraphs = any(_BETWEEN_SHOTS in text for text in _answers(prompt, rows))
    return (PLAIN_MARK,) if has_paragraphs else (_BETWEEN_SHOTS, PLAIN_MARK)


def _form(kind: Kind, wanted: PromptSettings) -> dict[str, str] | None:
    """Returns in which form answers are compared; None for labels, which are."""
    if kind not in _USUAL_FORM:
        return None
    return {"metric": wanted.agree_on or _USUAL_FORM[kind], "kind": kind.value}
