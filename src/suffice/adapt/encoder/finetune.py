"""The method `finetune`: the encoder trained whole with its head, then exported in 8 bits and sealed.

It starts from a head fitted on the frozen encoder, so that the first steps do not tear down
what the encoder knows (linear probing, then fine-tuning: Kumar et al. 2022, arXiv 2202.10054). The
head is fitted to the float encoder in training; temperature and novelty are measured on the 8-bit
one, which is the one that is served.
"""

import math
import os
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from suffice.adapt.encoder import (
    bert_graph,
    bert_torch,
    embedding_head,
    finetune_loop,
    quantised_body,
    softmax_head,
)
from suffice.adapt.encoder.finetune_loop import HEAD_BIAS, HEAD_WEIGHT, Job, Recipe, TokenRows
from suffice.adapt.encoder.weights import EncoderFiles, Tensors, encoder_for, read_tensors
from suffice.adapt.training_folder import training_folder
from suffice.candidate import Candidate
from suffice.errors import DataError, SpecError
from suffice.models.embedder import Embedder
from suffice.ports import Progress, TrainingRows

_LEAST_ROWS, _LEAST_ROWS_PER_LABEL = 200, 8
_CALIBRATION_TEXTS = 512
_START_PENALTY = 10.0
_NUMBERS: dict[type, Callable[[Any], float]] = {int: int, float: float}


class FinetuneMethod:
    """Makes an encoder candidate by training all of its layers on CPU, or on a GPU where there is one.

    Settings of the candidate: the fields of `Recipe`, `threads` (all cores), and those of the method
    `head`. A text longer than one window is trained on by its first 256 tokens. The state after
    each epoch is kept under the user's suffice folder until the artefact is done, so that a run that
    was killed goes on; it holds weights, no texts.
    """

    def __init__(self, encoder: EncoderFiles | None = None) -> None:
        self._encoder = encoder

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
            ArtefactError: the encoder's weights are absent or not the official ones.
            DataError: too few rows (the message says how many it would want), or a diverging loss.
            MissingExtra: torch is not installed.
            SpecError: a setting of the candidate cannot be used.
        """
        torch = bert_torch.require_torch()
        train, dev = embedding_head.split(rows)
        wanted = max(_LEAST_ROWS, _LEAST_ROWS_PER_LABEL * len(rows.labels))
        if len(train.samples) < wanted:
            raise DataError(
                f"fine-tuning wants at least {wanted} train rows for {len(rows.labels)} labels; "
                f"there are {len(train.samples)}",
                hint="use the method head, which learns from fewer rows",
            )
        recipe = recipe_of(candidate, rows=len(train.samples))
        torch.set_num_threads(int(candidate.setting("threads", os.cpu_count() or 1)))
        encoder = self._encoder or encoder_for(candidate)
        quantised_body.write_body(encoder, out)
        base = Embedder(out)
        start = embedding_head.embed(base, train, what="reading train", progress=progress)
        first = softmax_head.fit(*start.pair, labels=len(rows.labels), C=_START_PENALTY)
        tensors = read_tensors(encoder.weights)
        job = Job(
            train=_token_rows(base, train),
            dev=_token_rows(base, dev),
            heads=bert_graph.shape_of(tensors).heads,
            unknown_id=base.unknown_id,
            recipe=recipe,
            seed=seed,
        )
        folder = training_folder(candidate, rows, seed=seed)
        tuned = finetune_loop.train(_parameters(tensors, first), job, folder=folder, progress=progress)
        calibration = job.train.ids[:_CALIBRATION_TEXTS]
        quantised_body.write_body(encoder, out, tensors=tuned.tensors, calibration=calibration)
        served = Embedder(out)
        embedding_head.write_head(
            out,
            candidate,
            rows,
            train=embedding_head.embed(served, train, what="reading train again", progress=progress),
            dev=embedding_head.embed(served, dev, what="reading dev", progress=progress),
            head=softmax_head.SoftmaxHead(weight=tuned.weight, bias=tuned.bias, C=None),
        )
        shutil.rmtree(folder, ignore_errors=True)


def recipe_of(candidate: Candidate, *, rows: int) -> Recipe:
    """Returns the recipe with the candidate's settings; by default 5 to 30 epochs, towards 700 steps.

    Raises:
        SpecError: a setting is not a number.
    """
    settings = dict(candidate.settings)
    values: dict[str, Any] = {}
    for field in fields(Recipe):
        if field.name not in settings:
            continue
        try:
            values[field.name] = _NUMBERS[type(field.default)](settings[field.name])
        except (TypeError, ValueError) as error:
            raise SpecError(
                f"candidate {candidate.name!r}: {field.name} must be a number, not {settings[field.name]!r}"
            ) from error
    recipe = Recipe(**values)
    if "epochs" in values:
        return recipe
    return Recipe(**values, epochs=min(30, max(5, math.ceil(700 * recipe.batch_texts / rows))))


def _token_rows(embedder: Embedder, rows: embedding_head.LabelledRows) -> TokenRows:
    ids = embedder.token_ids([sample.text for sample in rows.samples])
    return TokenRows(ids=ids, classes=rows.classes)


def _parameters(tensors: Tensors, head: softmax_head.SoftmaxHead) -> bert_torch.Parameters:
    torch = bert_torch.require_torch()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parameters = bert_torch.to_parameters(tensors, device=device)
    for name, value in ((HEAD_WEIGHT, head.weight.T), (HEAD_BIAS, head.bias)):
        parameters[name] = torch.from_numpy(np.array(value)).to(device).requires_grad_()
    return parameters
