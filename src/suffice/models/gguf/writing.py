"""Writing with a served decoder: from requests to text or verified JSON, with a confidence."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jsonschema

from suffice.forms import form_of, text_form
from suffice.models.decode.generate import Completion, Job, complete
from suffice.models.decode.sampling import Sampling
from suffice.models.engine import Piece, Root
from suffice.models.gguf.grammar import json_grammar
from suffice.models.gguf.served import Served
from suffice.ports import Answer, Request, Usage
from suffice.task import Kind


class Writing:
    """Writes a served decoder's answers: JSON of the task's schema, or text."""

    def __init__(self, decoder: Served) -> None:
        """Prepares the grammar.

        Raises:
            SpecError: the schema is no JSON Schema, or answers cannot be held to it.
        """
        self._served = decoder
        settings = decoder.settings
        self._grammar = None
        self._validator: Any = None
        self._form = text_form if settings.form is None else form_of(settings.form)
        if settings.kind is Kind.EXTRACT and settings.schema is not None:
            self._grammar = json_grammar(settings.schema)
            self._validator = jsonschema.Draft202012Validator(settings.schema)
            if decoder.engine.has_keys:
                self._grammar = None
            else:
                decoder.engine.constrain(self._grammar).close()  # an unusable schema is told at once

    def job(self, tokens: Sequence[int], *, sampling: Sampling | None = None) -> Job:
        """Returns the job of answering one request, given as the tokens that follow the root's."""
        settings = self._served.settings
        return Job(
            tokens=tokens,
            max_tokens=settings.max_answer_tokens,
            stop=settings.stop,
            sampling=sampling or Sampling(),
            grammar=self._grammar,
            guesses=settings.guesses,
        )

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns what was written for each request that fits, and an error for the others."""
        settings = self._served.settings
        prompted = [self._served.prompted(request) for request in requests]
        prompts = [one.tokens for one in prompted]
        answers: list[Answer | None] = []
        for tokens in prompts:
            wrong = self._served.misfit(tokens, answer_tokens=settings.max_answer_tokens)
            used = Usage(input_tokens=self._served.prefix_tokens + len(tokens), output_tokens=0)
            answers.append(None if wrong is None else Answer(text=None, usage=used, error=wrong))
        open_rows = [row for row, answer in enumerate(answers) if answer is None]
        jobs = [self.job(prompts[row]) for row in open_rows]
        for row, done in zip(
            open_rows, complete(self._served.engine, jobs, root=self._served.root), strict=True
        ):
            said = self._answered(done, self._sampled(prompts[row]))
            answers[row] = replace(said, notes=(*prompted[row].notes, *said.notes))
        return [answer for answer in answers if answer is not None]

    def _sampled(self, tokens: list[int]) -> list[Completion]:
        """Returns the further answers to one request; its prompt is read once for all of them."""
        count, temperature = self._served.settings.samples, self._served.settings.sample_temperature
        if not count:
            return []
        engine, root = self._served.engine, self._served.root
        sequence = engine.open(None if root is None else root.sequence)
        try:
            if len(tokens) > 1:
                engine.extend([Piece(sequence=sequence, tokens=tokens[:-1])])
            shared = Root(sequence=sequence, length=engine.length(sequence))
            jobs = [
                self.job(tokens[-1:], sampling=Sampling(temperature=temperature, seed=seed))
                for seed in range(1, count + 1)
            ]
            return complete(engine, jobs, root=shared)
        finally:
            engine.drop(sequence)

    def _answered(self, done: Completion, samples: list[Completion]) -> Answer:
        text, notes = self._verified(done)
        probability = math.exp(done.mean_log_probability)
        if samples:
            # Probability times agreement: the two tell different mistakes (Vashurin et al. 2025, CoCoA).
            probability *= self._agreement(done, samples)
        output = len(done.tokens) + sum(len(sample.tokens) for sample in samples)
        return Answer(
            text=text,
            confidence=None if text is None else self._served.settings.calibration.confidence(probability),
            usage=Usage(input_tokens=done.prompt_tokens, output_tokens=output),
            notes=notes,
        )

    def _agreement(self, done: Completion, samples: list[Completion]) -> float:
        """Returns the share of the samples whose answer has the same form; none where it has no form."""
        wanted = self._form(done.text)
        if wanted is None:
            return 0.0
        return sum(self._form(sample.text) == wanted for sample in samples) / len(samples)

    def _verified(self, done: Completion) -> tuple[str | None, tuple[str, ...]]:
        """Returns the answer's text, or None where it is no JSON of the schema, and what there is to say."""
        text = done.text.strip()
        cut = (f"the answer was cut at its {len(done.tokens)} tokens",) if done.reason == "length" else ()
        if self._validator is None:
            return text, cut
        try:
            value = json.loads(text, parse_constant=_refuse)
            wrong = next(iter(self._validator.iter_errors(value)), None)
        except (ValueError, RecursionError):
            return None, (*cut, f"the model wrote no JSON: {text[:80]!r}")
        if wrong is not None:
            return None, (*cut, f"the model wrote JSON against the schema: {wrong.message[:120]}")
        return text, cut


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
