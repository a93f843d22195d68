"""The training loop of a fine-tuned encoder: batches of one length, averaged weights, early stop."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suffice.adapt import training_state
from suffice.adapt.bfloat16 import has_bfloat16
from suffice.adapt.encoder import bert_torch
from suffice.adapt.encoder.bert_torch import Parameters
from suffice.errors import DataError
from suffice.ports import Progress

HEAD_WEIGHT, HEAD_BIAS = "head.weight", "head.bias"
_WEIGHT_DECAY = 0.01
_LARGEST_GRADIENT = 1.0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the encoder is trained.

    Learning rates rise linearly over the first `warm_up` of all steps and fall along a cosine; each
    layer below the last learns `layer_decay` times as fast (Howard & Ruder 2018, section 3.2).
    `word_dropout` is the share of tokens that are replaced by the unknown one in each pass.
    `consistency` weighs the symmetric divergence of two dropout passes (R-Drop: Liang et al. 2021,
    eq. 4), which doubles the cost of a step. The weights that are kept are an exponential average
    over steps with decay `averaging`.
    """

    epochs: int = 5
    batch_texts: int = 128
    learning_rate: float = 2e-4
    head_learning_rate: float = 1e-3
    layer_decay: float = 0.9
    label_smoothing: float = 0.05
    dropout: float = 0.1
    word_dropout: float = 0.1
    consistency: float = 0.0
    averaging: float = 0.99
    warm_up: float = 0.06
    patience: int = 3


@dataclass(frozen=True, kw_only=True)
class TokenRows:
    """Token ids of each text with its label's position."""

    ids: Sequence[Sequence[int]]
    classes: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """The averaged weights of the best epoch: checkpoint tensors, head (d, K) and (K,), dev accuracy."""

    tensors: dict[str, NDArray[np.float32]]
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    dev_accuracy: float
    epochs: int


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is trained on what."""

    train: TokenRows
    dev: TokenRows
    heads: int
    unknown_id: int
    recipe: Recipe
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        """Returns the number of batches an epoch has, about: batches hold texts of one length."""
        return sum(1 for _ in batches(self.train.ids, self.recipe.batch_texts, rng=np.random.default_rng(0)))


def train(start: Parameters, job: Job, *, folder: Path, progress: Progress) -> Tuned:
    """Returns the trained encoder; `start` holds the encoder's parameters and the head's.

    After each epoch everything needed to go on is written to `folder`; a run that finds a state
    there continues after it, and ends with the same weights as one that was never stopped.

    Raises:
        DataError: the loss is not a number any more.
    """
    torch = bert_torch.require_torch()
    state = training_state.TrainingState(folder, start)
    optimiser = _optimiser(torch, start, job.recipe)
    state.restore(optimiser)
    steps_per_epoch = job.steps_per_epoch
    for epoch in range(state.epochs_done, job.recipe.epochs):
        if state.epochs_since_best >= job.recipe.patience:
            break
        _epoch(start, optimiser, state, job, _Place(epoch, steps_per_epoch, progress))
        state.finish_epoch(_accuracy(state.average, job), optimiser)
        progress(f"fine-tuning: dev accuracy {state.best_score:.3f}", epoch + 1, job.recipe.epochs)
    weights = bert_torch.to_tensors(state.best)
    weight, bias = weights.pop(HEAD_WEIGHT), weights.pop(HEAD_BIAS)
    return Tuned(
        tensors=weights,
        weight=np.ascontiguousarray(weight.T),
        bias=bias,
        dev_accuracy=state.best_score,
        epochs=state.epochs_done,
    )


def batches(
    ids: Sequence[Sequence[int]], batch_texts: int, *, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Yields positions of texts of one exact length, in random order; no text is padded or left out."""
    lengths = np.array([len(text) for text in ids])
    order = rng.permutation(len(ids))
    made = []
    for length in np.unique(lengths):
        places = order[lengths[order] == length]
        made += [places[at : at + batch_texts] for at in range(0, len(places), batch_texts)]
    for at in rng.permutation(len(made)):
        yield made[at]


@dataclass(frozen=True)
class _Place:
    """Where in the training an epoch stands."""

    epoch: int
    steps_per_epoch: int
    progress: Progress


def _epoch(start: Parameters, optimiser: Any, state: Any, job: Job, place: _Place) -> None:
    torch = bert_torch.require_torch()
    recipe, device = job.recipe, str(start[HEAD_WEIGHT].device)
    dropout = bert_torch.Dropout(recipe.dropout, seed=(job.seed, place.epoch), device=device)
    trained = [value for value in start.values() if value.requires_grad]
    rng = np.random.default_rng((job.seed, place.epoch, 1))
    total_steps = place.steps_per_epoch * recipe.epochs
    for step, rows in enumerate(batches(job.train.ids, recipe.batch_texts, rng=rng)):
        done = place.epoch * place.steps_per_epoch + step
        for group in optimiser.param_groups:
            group["lr"] = group["full_lr"] * _rate(done / total_steps, recipe.warm_up)
        loss = _loss(torch, start, job, rows, dropout)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise DataError(
                f"fine-tuning failed in epoch {place.epoch + 1}: the loss is {value}",
                hint="use a lower learning_rate, for example half of it",
            )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, _LARGEST_GRADIENT)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        state.average_in(min(recipe.averaging, (done + 1) / (done + 10)))
        if step % 20 == 0:
            place.progress("fine-tuning", place.epoch + step / place.steps_per_epoch, recipe.epochs)


def _loss(torch: Any, start: Parameters, job: Job, rows: NDArray[np.int64], dropout: Any) -> Any:
    functional, recipe = torch.nn.functional, job.recipe
    device = start[HEAD_WEIGHT].device
    ids = torch.tensor([list(job.train.ids[row]) for row in rows], device=device)
    classes = torch.from_numpy(job.train.classes[rows]).to(device)
    if recipe.consistency:
        ids, classes = torch.cat([ids, ids]), torch.cat([classes, classes])
    if recipe.word_dropout:
        is_lost = dropout.chosen(ids.shape, recipe.word_dropout)
        is_lost[:, [0, -1]] = False
        ids = ids.masked_fill(is_lost, job.unknown_id)
    logits = _logits(torch, start, ids, heads=job.heads, dropout=dropout)
    loss = functional.cross_entropy(logits, classes, label_smoothing=recipe.label_smoothing)
    if recipe.consistency:
        once, twice = functional.log_softmax(logits, dim=1).chunk(2)
        there = functional.kl_div(once, twice, log_target=True, reduction="batchmean")
        back = functional.kl_div(twice, once, log_target=True, reduction="batchmean")
        loss = loss + recipe.consistency * 0.5 * (there + back)
    return loss


def _logits(torch: Any, parameters: Parameters, ids: Any, *, heads: int, dropout: Any = None) -> Any:
    # bfloat16 products cost about half on processors that have them; sums and norms stay in single.
    with torch.autocast(ids.device.type, torch.bfloat16, enabled=has_bfloat16(torch, ids.device.type)):
        vectors = bert_torch.encode(parameters, ids, heads=heads, dropout=dropout)
    return torch.nn.functional.linear(vectors.float(), parameters[HEAD_WEIGHT], parameters[HEAD_BIAS])


def _accuracy(parameters: Parameters, job: Job) -> float:
    torch = bert_torch.require_torch()
    right = 0
    with torch.inference_mode():
        for rows in batches(job.dev.ids, 128, rng=np.random.default_rng(0)):
            ids = torch.tensor(
                [list(job.dev.ids[row]) for row in rows], device=parameters[HEAD_WEIGHT].device
            )
            answers = _logits(torch, parameters, ids, heads=job.heads).argmax(dim=1).cpu().numpy()
            right += int((answers == job.dev.classes[rows]).sum())
    return right / max(len(job.dev.ids), 1)


def _optimiser(torch: Any, start: Parameters, recipe: Recipe) -> Any:
    layers = 1 + max(int(name.split(".")[2]) for name in start if name.startswith("encoder.layer."))
    groups = []
    for name, value in start.items():
        if not value.requires_grad:
            continue
        rate = recipe.head_learning_rate
        if not name.startswith("head."):
            depth = int(name.split(".")[2]) + 1 if name.startswith("encoder.layer.") else 0
            rate = recipe.learning_rate * recipe.layer_decay ** (layers - depth)
        decay = _WEIGHT_DECAY if value.ndim > 1 else 0.0
        groups.append({"params": [value], "lr": rate, "full_lr": rate, "weight_decay": decay})
    return torch.optim.AdamW(groups, fused=True)


def _rate(done: float, warm_up: float) -> float:
    """Returns the share of the full learning rate after this share of all steps."""
    return min(1.0, (done + 1e-3) / warm_up) * 0.5 * (1.0 + math.cos(math.pi * min(done, 1.0)))
