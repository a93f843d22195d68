"""Answers token by token: many at once in every pass, each under its own limits, grammar and seed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from suffice.errors import ModelError
from suffice.models.decode.lookup import PromptLookup
from suffice.models.decode.sampling import Mask, Sampling, next_token
from suffice.models.decode.stream import TextStream
from suffice.models.engine import Constraint, DecoderEngine, Floats, Grammar, Piece, Root, misfit

Reason = Literal["end", "stop", "length", "stuck"]
PARALLEL = 8


@dataclass(frozen=True, kw_only=True)
class Job:
    """One answer to be written.

    `tokens` follow the root's. `max_tokens` counts the end token. `stop` holds texts before which the
    answer ends. `guesses` is the most tokens looked up in the prompt at once; 0 looks none up.
    """

    tokens: Sequence[int]
    max_tokens: int
    stop: tuple[str, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    grammar: Grammar | None = None
    guesses: int = 0


@dataclass(frozen=True, kw_only=True)
class Completion:
    """A finished answer.

    `tokens` and `log_probabilities` belong together; the end token is among them where it came. A
    log-probability is among the tokens the grammar allowed; 0 for one that was forced. `reason`: the
    model ended it, a stop string came, the tokens ran out (what is there is then not whole), or the
    grammar allowed nothing. `passes`: how many passes of the model it took part in.
    """

    text: str
    tokens: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    reason: Reason
    prompt_tokens: int
    passes: int

    @property
    def mean_log_probability(self) -> float:
        """Returns the mean over the tokens; 0 for an answer without any."""
        return float(np.mean(self.log_probabilities)) if self.log_probabilities else 0.0


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A piece of an answer's text as it comes; the last one of each answer carries all of it."""

    job: int
    text: str
    completion: Completion | None = None


def generate(
    engine: DecoderEngine, jobs: Sequence[Job], *, root: Root | None = None, parallel: int = PARALLEL
) -> Iterator[Chunk]:
    """Returns the answers' text as it comes, in passes over up to `parallel` jobs; who is done makes room.

    Raises:
        ModelError: a job does not fit the context (both numbers are named), or the engine failed.
    """
    start = 0 if root is None else root.length
    for job in jobs:
        wrong = misfit(engine, prompt_tokens=start + len(job.tokens), answer_tokens=job.max_tokens)
        if wrong is not None or not job.tokens:
            raise ModelError(wrong or "a prompt without tokens cannot be answered")
    waiting = deque(enumerate(jobs))
    active: list[_Answer] = []
    try:
        while waiting or active:
            room = engine.cells - start - sum(answer.cells for answer in active)
            while waiting and len(active) < parallel and room >= _cells(waiting[0][1]):
                index, job = waiting.popleft()
                active.append(_Answer(engine, index, job, root))
                room -= _cells(job)
            for answer, logits in zip(
                active, engine.extend([answer.piece() for answer in active]), strict=True
            ):
                yield answer.take(logits)
            for answer in [answer for answer in active if answer.reason]:
                active.remove(answer)
                answer.close()
    finally:
        for answer in active:
            answer.close()


def complete(
    engine: DecoderEngine, jobs: Sequence[Job], *, root: Root | None = None, parallel: int = PARALLEL
) -> list[Completion]:
    """Returns the finished answers in the jobs' order."""
    done: dict[int, Completion] = {}
    for chunk in generate(engine, jobs, root=root, parallel=parallel):
        if chunk.completion is not None:
            done[chunk.job] = chunk.completion
    return [done[index] for index in range(len(jobs))]


def _cells(job: Job) -> int:
    return len(job.tokens) + job.max_tokens + job.guesses


class _Answer:
    """One answer in the making: a sequence of the engine, and what is decided but not read yet."""

    def __init__(self, engine: DecoderEngine, index: int, job: Job, root: Root | None) -> None:
        self._engine = engine
        self._index = index
        self._job = job
        self._start = 0 if root is None else root.length
        self._constraint: Constraint | None = None if job.grammar is None else engine.constrain(job.grammar)
        self._sequence = engine.open(None if root is None else root.sequence)
        self._rng = np.random.default_rng(job.sampling.seed)
        self._stream = TextStream(job.stop, drops_first_space=engine.writes_first_space)
        self._lookup = PromptLookup(job.tokens, most=job.guesses) if job.guesses else None
        self._pending, self._guess = list(job.tokens), list[int]()
        self._tokens, self._log_probabilities = list[int](), list[float]()
        self._passes = 0
        self.reason: Reason | None = None
        self._allowed: Mask | None = None
        if self._constraint is not None:
            self._allowed = self._constraint.allowed()

    @property
    def cells(self) -> int:
        """Returns how many tokens it may come to hold."""
        return _cells(self._job)

    def piece(self) -> Piece:
        """Returns what the next pass reads: what is decided, and a guess of what follows."""
        left = self._job.max_tokens - len(self._tokens) - 1
        self._guess = self._lookup.guess()[:left] if self._lookup is not None and self._passes else []
        self._passes += 1
        return Piece(
            sequence=self._sequence, tokens=[*self._pending, *self._guess], wanted=1 + len(self._guess)
        )

    def take(self, logits: Floats) -> Chunk:
        """Returns the new text, after deciding one token, and more where guesses came true."""
        read = self._engine.length(self._sequence) - len(self._guess)
        decided: list[int] = []
        while True:
            decided += self._decide(logits[len(decided)])
            # A guess that came true was read with the right past: the logits after it count as well.
            if self.reason or decided != self._guess[: len(decided)]:
                break
        agreed = 0
        while agreed < min(len(decided), len(self._guess)) and decided[agreed] == self._guess[agreed]:
            agreed += 1
        if self._lookup is not None:
            self._lookup.learn(len(self._guess), agreed)
            self._lookup.add(decided)
        self._pending = decided[agreed:]
        if self.reason is None:
            self._engine.cut(self._sequence, read + agreed)
            return Chunk(job=self._index, text=self._stream.take())
        self._stream.push(b"", is_last=True)
        return Chunk(job=self._index, text=self._stream.take(is_last=True), completion=self._completion())

    def close(self) -> None:
        """Gives the sequence and the grammar's state back."""
        self._engine.drop(self._sequence)
        if self._constraint is not None:
            self._constraint.close()

    def _decide(self, logits: Floats) -> list[int]:
        """Returns the next token, and those which the grammar then forces; sets `reason` at the end."""
        if self._allowed is not None and not self._allowed.any():
            self.reason = "stuck"
            return []
        token, log_probability = next_token(logits, self._job.sampling, rng=self._rng, allowed=self._allowed)
        self._append(token, log_probability)
        if self.reason or self._constraint is None:
            return [token]
        self._constraint.accept(token)
        forced = self._constraint.forced()
        for index, following in enumerate(forced):
            self._append(following, 0.0)
            if self.reason:
                return [token, *forced[: index + 1]]
        self._allowed = self._constraint.allowed()
        self._end_if_nothing_else_is_allowed()
        return [token, *forced]

    def _end_if_nothing_else_is_allowed(self) -> None:
        if self._allowed is not None and int(self._allowed.sum()) == 1:
            only = int(self._allowed.argmax())
            if only in self._engine.end_tokens:
                self._append(only, 0.0)

    def _append(self, token: int, log_probability: float) -> None:
        self._tokens.append(token)
        self._log_probabilities.append(log_probability)
        if token in self._engine.end_tokens:
            self.reason = "end"
            return
        self._stream.push(self._engine.piece(token))
        if self._stream.stopped:
            self.reason = "stop"
        elif len(self._tokens) >= self._job.max_tokens:
            self.reason = "length"

    def _completion(self) -> Completion:
        return Completion(
            text=self._stream.text,
            tokens=tuple(self._tokens),
            log_probabilities=tuple(self._log_probabilities),
            reason=self.reason or "end",
            prompt_tokens=self._start + len(self._job.tokens),
            passes=self._passes,
        )
