"""Classifying with a served decoder: from requests to probabilities, reasons and order bias."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from suffice.errors import DataError
from suffice.models.decode.choose import Chooser, LabelScores
from suffice.models.decode.order_bias import OrderBias, order_bias
from suffice.models.gguf.served import Served
from suffice.models.prompt import listed_labels
from suffice.models.shares import shares_of
from suffice.ports import Answer, Classification, Reason, Request, Usage

_SPANS = 24


@dataclass(frozen=True, kw_only=True)
class Read:
    """What was read for n requests: which of them fit (their scores, in order), why others did not.

    `notes`: n tuples of remarks on what was shown to the model.
    """

    rows: NDArray[np.int64]
    scores: LabelScores
    errors: dict[int, str]
    input_tokens: list[int]
    notes: list[tuple[str, ...]]


class Choosing:
    """Scores a served decoder's labels."""

    def __init__(self, decoder: Served) -> None:
        """Prepares the labels.

        Raises:
            SpecError: the labels cannot be told apart by their tokens.
        """
        self._served = decoder
        settings = decoder.settings
        texts = [settings.prompt.answer_text(label) for label in settings.labels]
        self._chooser = Chooser(
            decoder.engine,
            settings.labels,
            [decoder.answer_tokens(text) for text in texts],
            root=decoder.root,
            reading=settings.reading,
        )

    @property
    def is_one_pass(self) -> bool:
        """Says whether a document's own pass tells all labels apart."""
        return self._chooser.is_one_pass

    def read(self, texts: Sequence[str]) -> Read:
        """Returns the labels' scores for the texts that fit, and why the others do not."""
        prompted = [self._served.prompted(Request(text=text)) for text in texts]
        documents = [one.tokens for one in prompted]
        errors: dict[int, str] = {}
        for row, tokens in enumerate(documents):
            wrong = self._misfit(tokens)
            if wrong is not None:
                errors[row] = wrong
        rows = [row for row in range(len(documents)) if row not in errors]
        return Read(
            rows=np.array(rows, np.int64),
            scores=self._chooser.score([documents[row] for row in rows]),
            errors=errors,
            input_tokens=[self._served.prefix_tokens + len(tokens) for tokens in documents],
            notes=[one.notes for one in prompted],
        )

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns the most probable label for each request that fits, and an error for the others."""
        read = self.read([request.text for request in requests])
        probabilities, novelty = self.calibrated(read, len(requests))
        labels = self._served.settings.labels
        answers = []
        for row, count in enumerate(read.input_tokens):
            usage = Usage(input_tokens=count, output_tokens=0)
            if row in read.errors:
                answers.append(Answer(text=None, usage=usage, error=read.errors[row]))
                continue
            best = int(probabilities[row].argmax())
            answers.append(
                Answer(
                    text=labels[best],
                    confidence=float(probabilities[row, best]),
                    novelty=novelty[row],
                    usage=usage,
                    notes=read.notes[row],
                    probabilities=shares_of(requests[row], labels, probabilities[row]),
                )
            )
        return answers

    def classify(self, texts: Sequence[str]) -> Classification:
        """Returns probabilities and novelty; a text that does not fit has equal ones, and a note."""
        read = self.read(texts)
        probabilities, novelty = self.calibrated(read, len(texts))
        notes = tuple(
            (read.errors[row],) if row in read.errors else read.notes[row] for row in range(len(texts))
        )
        known = [0.0 if value is None else value for value in novelty]
        return Classification(probabilities=probabilities, novelty=np.array(known, np.float64), notes=notes)

    def explain(self, text: str, top: int) -> list[Reason]:
        """Returns the parts of a text without which its answer's log-probability falls most."""
        if self._misfit(self._served.prompted(Request(text=text)).tokens) is not None:
            return []
        words = text.split()
        spans = np.array_split(np.arange(len(words)), min(len(words), _SPANS)) if words else []
        without = [" ".join(np.delete(np.array(words, object), span)) for span in spans]
        read = self.read([text, *without])
        if read.errors or not spans:
            return []
        scores = read.scores.log_probabilities
        relative = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
        best = int(relative[0].argmax())
        weights = relative[0, best] - relative[1:, best]
        order = np.argsort(-np.abs(weights), kind="stable")[:top]
        return [
            Reason(
                evidence=" ".join(words[place] for place in spans[row]),
                weight=float(weights[row]),
                kind="ngram",
            )
            for row in order
        ]

    def order_bias(self, texts: Sequence[str], *, orders: int = 4, seed: int = 0) -> OrderBias:
        """Returns how much the order of the labels in the prompt changes the answers to texts that fit.

        Raises:
            DataError: the prompt lists no labels (then there is no order), or no text fits.
        """
        labels = self._served.settings.labels
        return order_bias(lambda order: self.listed(texts, order), labels, orders=orders, seed=seed)

    def listed(self, texts: Sequence[str], order: Sequence[str]) -> NDArray[np.float64]:
        """Returns (n, K) probabilities of the n texts that fit, with the labels listed in this order.

        Columns stay in the order of the model's own labels.

        Raises:
            DataError: the prompt lists no labels.
        """
        settings = self._served.settings
        own = listed_labels(settings.labels, settings.prompt.codes)
        if own not in settings.prompt.instruction:
            raise DataError("the prompt does not list the labels: there is no order that could matter")
        words = settings.prompt.instruction.replace(own, listed_labels(order, settings.prompt.codes))
        changed = replace(settings, prompt=replace(settings.prompt, instruction=words))
        decoder = self._served.changed(changed)
        try:
            choosing = Choosing(decoder)
            read = choosing.read(texts)
            return choosing.calibrated(read, len(texts))[0][read.rows]
        finally:
            decoder.drop()

    def _misfit(self, tokens: Sequence[int]) -> str | None:
        """Returns why a text and its answer do not fit the context; None where they do."""
        return self._served.misfit(tokens, answer_tokens=self._chooser.answer_tokens)

    def calibrated(self, read: Read, count: int) -> tuple[NDArray[np.float64], list[float | None]]:
        """Returns (n, K) probabilities, equal ones where nothing was read, and n novelties or None."""
        calibration = self._served.settings.calibration
        labels = len(self._served.settings.labels)
        probabilities = np.full((count, labels), 1.0 / labels)
        novelty: list[float | None] = [None] * count
        scaled = read.scores.log_probabilities / calibration.temperature
        if len(scaled):
            odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
            probabilities[read.rows] = odds / odds.sum(axis=1, keepdims=True)
        for row, top in zip(read.rows, read.scores.top_logits, strict=True):
            novelty[row] = calibration.novelty(float(top))
        return probabilities, novelty
