"""The decoder as a Model: it classifies by its labels' probabilities, and writes everything else."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suffice.errors import ModelError
from suffice.models.decode.generate import Chunk, generate
from suffice.models.decode.order_bias import OrderBias
from suffice.models.gguf import opening
from suffice.models.gguf.choosing import Choosing, Read
from suffice.models.gguf.served import Served
from suffice.models.gguf.writing import Writing
from suffice.ports import Answer, Classification, Reason, Request
from suffice.task import Kind


class GgufModel:
    """A small language model from a GGUF file: extracts JSON by a schema, or writes text.

    `answer` runs in a thread of its own, so that a server stays awake while the model reads. One call
    at a time has the engine; a stream has it until it ends or is closed.
    """

    simulated = False

    def __init__(self, decoder: Served, answer: Callable[[Sequence[Request]], list[Answer]]) -> None:
        self._served = decoder
        self._answer = answer
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="decoder")
        self._lock = threading.Lock()
        self._is_closed = False

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1) -> GgufModel:
        """Returns the model in a folder: a `GgufClassifier` where its task is to classify.

        Raises:
            ArtefactError: the folder is damaged, or llama.cpp cannot serve its weights.
            MissingExtra: the extra `gguf` is not installed.
        """
        return answering(opening.load(folder, threads=threads))

    @property
    def name(self) -> str:
        """Returns the candidate's name."""
        return self._served.settings.name

    @property
    def served(self) -> Served:
        """Returns the engine with its prompt and settings."""
        return self._served

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns one answer per request; latency is what the whole batch took, which each one waited.

        A request that does not fit the context has an error that names both numbers; it harms no other.
        """
        if not requests:
            return []
        start = time.perf_counter()
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.run_in_executor(self._thread, self._alone, requests)
        except RuntimeError as error:  # the thread is gone
            raise ModelError(f"the model {self.name} is closed") from error
        latency_ms = 1000.0 * (time.perf_counter() - start)
        return [replace(answer, latency_ms=latency_ms, tier=self.name) for answer in answers]

    async def close(self) -> None:
        """Releases the weights; calling it twice is harmless."""
        with self._lock:
            self._is_closed = True
            self._served.engine.close()
        self._thread.shutdown()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps the engine to oneself.

        Raises:
            ModelError: the model is closed.
        """
        with self._lock:
            if self._is_closed:
                raise ModelError(f"the model {self.name} is closed")
            yield

    def _alone(self, requests: Sequence[Request]) -> list[Answer]:
        with self.alone():
            return self._answer(requests)


class GgufWriter(GgufModel):
    """A decoder that writes its answers."""

    def __init__(self, decoder: Served) -> None:
        self._writing = Writing(decoder)
        super().__init__(decoder, self._writing.answer)

    def stream(self, request: Request) -> Iterator[Chunk]:
        """Returns the answer's text as it comes; the last piece carries the whole of it.

        Raises:
            ModelError: the request does not fit the context (both numbers are named).
        """
        with self.alone():
            job = self._writing.job(self._served.prompted(request).tokens)
            yield from generate(self._served.engine, [job], root=self._served.root)


class GgufClassifier(GgufModel):
    """A decoder that answers with the most probable label; shows all its probabilities."""

    def __init__(self, decoder: Served) -> None:
        self._choosing = Choosing(decoder)
        super().__init__(decoder, self._choosing.answer)

    @property
    def labels(self) -> tuple[str, ...]:
        """Returns the K labels in the order of the probabilities' columns."""
        return self._served.settings.labels

    @property
    def is_one_pass(self) -> bool:
        """Says whether a text's own pass tells all labels apart."""
        return self._choosing.is_one_pass

    def classify(self, texts: Sequence[str]) -> Classification:
        """Returns probabilities (n, K) and novelty (n,) for n texts; zeros where novelty was not fitted.

        A text that does not fit the context has equal probabilities and a note with both numbers.
        """
        with self.alone():
            return self._choosing.classify(texts)

    def explain(self, text: str, *, top: int = 5) -> list[Reason]:
        """Returns the words without which the answer's log-probability changes most; weight: its fall."""
        with self.alone():
            return self._choosing.explain(text, top)

    def read(self, texts: Sequence[str]) -> Read:
        """Returns the labels' raw scores, from which a calibration is fitted."""
        with self.alone():
            return self._choosing.read(texts)

    def listed(self, texts: Sequence[str], order: Sequence[str]) -> NDArray[np.float64]:
        """Returns (n, K) probabilities of the n texts that fit, with the labels listed in this order.

        Raises:
            DataError: the prompt lists no labels.
        """
        with self.alone():
            return self._choosing.listed(texts, order)

    def order_bias(self, texts: Sequence[str], *, orders: int = 4, seed: int = 0) -> OrderBias:
        """Returns how much the order in which the prompt lists the labels changes the answers.

        Raises:
            DataError: the prompt lists no labels, or no text fits the context.
        """
        with self.alone():
            return self._choosing.order_bias(texts, orders=orders, seed=seed)


def answering(decoder: Served) -> GgufModel:
    """Returns the model of a decoder, whatever its engine, which is closed where it cannot answer.

    Raises:
        SpecError: the labels cannot be told apart, or the engine cannot hold answers to the schema.
    """
    try:
        if decoder.settings.kind is Kind.CLASSIFY:
            return GgufClassifier(decoder)
        return GgufWriter(decoder)
    except BaseException:
        decoder.engine.close()
        raise
