"""The training loop of every decoder: loss on answers, averaged weights, early stop, resume after a kill."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from suffice import extras
from suffice.adapt.decoder import on_policy
from suffice.adapt.decoder.examples import Batch, Example, batch, batches
from suffice.adapt.training_state import Parameters, TrainingState
from suffice.errors import DataError
from suffice.ports import Progress

_LARGEST_GRADIENT = 1.0
_LEAST_RATE = 0.05  # share of the full learning rate at the end
_TELL_EVERY = 10


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a decoder is trained.

    The learning rate rises linearly over the first `warm_up` of all steps and falls along a cosine. A
    token of an answer weighs 1, one of a document `document_weight`. The weights that are kept are an
    exponential average over steps with decay `averaging`, of the epoch that did best on dev; after
    `patience` epochs without a better one training stops. With a teacher, the truth weighs
    `truth_share`, and both distributions are softened by `temperature`; in the share `on_policy` of
    the second half's steps the answers are the student's own draws, which the teacher judges (see
    `on_policy`).
    """

    epochs: int = 8
    batch_tokens: int = 1024
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    document_weight: float = 0.0
    averaging: float = 0.99
    warm_up: float = 0.05
    patience: int = 4
    truth_share: float = 0.5
    temperature: float = 2.0
    on_policy: float = 0.0


class Net(on_policy.Writer, Protocol):
    """A decoder as the loop sees it: what writes answers, and where its parameters lie."""

    @property
    def device(self) -> str:
        """Returns where the parameters lie."""
        ...


# What a teacher says of the tokens of `ids` that `wanted` marks: (n, vocabulary) logits.
Teacher = Callable[[Any, Any], Any]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is trained on what; `examples` gives each epoch's rows, the same for the same epoch."""

    examples: Callable[[int], Sequence[Example]]
    dev: Sequence[Example]
    recipe: Recipe
    seed: int
    teacher: Teacher | None = None
    what: str = "training"


@dataclass(frozen=True, kw_only=True)
class DevFigures:
    """How a decoder does on dev, its tokens given: share of answers right to the last token, mean loss.

    An answer whose every token is the likeliest one is what greedy decoding says, so `exact` is the
    share of exact answers without a grammar. `loss` is in nats per answer token.
    """

    exact: float
    loss: float

    @property
    def score(self) -> float:
        """Returns what early stopping maximises: exact answers, then the smaller loss."""
        return self.exact - min(self.loss, 100.0) / 1000.0


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """The averaged parameters of the best epoch, how they do on dev, and the epochs that were run."""

    parameters: Parameters
    dev: DevFigures
    epochs: int


def train(net: Net, job: Job, *, folder: Path, progress: Progress) -> Tuned:
    """Returns the trained parameters.

    After each epoch everything needed to go on is written to `folder`; a run that finds a state there
    continues after it, and ends with the same weights as one that was never stopped.

    Raises:
        DataError: the loss is not a number any more.
    """
    torch = extras.require("torch", extra="train", feature=job.what)
    state = TrainingState(folder, net.trained)
    optimiser = _optimiser(torch, net.trained, job.recipe)
    state.restore(optimiser)
    recipe = job.recipe
    for epoch in range(state.epochs_done, recipe.epochs):
        if state.epochs_since_best >= recipe.patience:
            break
        _epoch(torch, net, job, _Place(epoch, state, optimiser, progress))
        found = measured(net, state.average, job.dev, batch_tokens=4 * recipe.batch_tokens)
        state.finish_epoch(found.score, optimiser)
        told = f"{job.what}: dev exact {found.exact:.3f}, loss {found.loss:.3f}"
        progress(told, epoch + 1, recipe.epochs)
    best = {**net.trained, **state.best}
    return Tuned(
        parameters=best,
        dev=measured(net, best, job.dev, batch_tokens=4 * recipe.batch_tokens),
        epochs=state.epochs_done,
    )


def measured(net: Net, parameters: Parameters, rows: Sequence[Example], *, batch_tokens: int) -> DevFigures:
    """Returns how these parameters do on rows; (0, 0) for none."""
    torch = extras.require("torch", extra="train", feature="measuring a decoder")
    exact, loss, tokens = 0, 0.0, 0
    with torch.inference_mode():
        for places in batches(rows, batch_tokens, rng=np.random.default_rng(0)):
            chosen = [rows[place] for place in places]
            read = batch(torch, chosen, pad_id=net.pad_id, document_weight=0.0, device=net.device)
            wanted = read.weights > 0
            logits = net.logits(parameters, read.ids, wanted).float()
            truth = read.ids[wanted]
            loss += float(torch.nn.functional.cross_entropy(logits, truth, reduction="sum"))
            tokens += len(truth)
            right = torch.ones_like(wanted)
            right[wanted] = logits.argmax(dim=1) == truth
            exact += int(right.all(dim=1).sum())
    return DevFigures(exact=exact / max(len(rows), 1), loss=loss / max(tokens, 1))


@dataclass(frozen=True)
class _Place:
    """Where in the training an epoch stands."""

    epoch: int
    state: TrainingState
    optimiser: Any
    progress: Progress


def _epoch(torch: Any, net: Net, job: Job, place: _Place) -> None:
    recipe, rows = job.recipe, job.examples(place.epoch)
    torch.manual_seed(job.seed * 1_000_003 + place.epoch)
    rng = np.random.default_rng((job.seed, place.epoch))
    order = list(batches(rows, recipe.batch_tokens, rng=rng))
    trained = list(net.trained.values())
    for step, read in enumerate(_read(torch, net, job, (rows, order))):
        done = (place.epoch + step / len(order)) / recipe.epochs
        for group in place.optimiser.param_groups:
            group["lr"] = recipe.learning_rate * _rate(done, recipe.warm_up)
        loss = _loss(torch, net, job, read, done=done)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise DataError(
                f"{job.what} failed in epoch {place.epoch + 1}: the loss is {value}",
                hint="use a lower learning_rate, for example half of it",
            )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, _LARGEST_GRADIENT)
        place.optimiser.step()
        place.optimiser.zero_grad(set_to_none=True)
        steps = place.epoch * len(order) + step
        place.state.average_in(min(recipe.averaging, (steps + 1) / (steps + 10)))
        if step % _TELL_EVERY == 0:
            place.progress(f"{job.what}: loss {value:.3f}", place.epoch + step / len(order), recipe.epochs)


def _read(torch: Any, net: Net, job: Job, work: tuple[Sequence[Example], list[Any]]) -> Iterator[Batch]:
    rows, order = work
    for places in order:
        yield batch(
            torch,
            [rows[place] for place in places],
            pad_id=net.pad_id,
            document_weight=job.recipe.document_weight,
            device=net.device,
        )


def _loss(torch: Any, net: Net, job: Job, read: Batch, *, done: float) -> Any:
    """Returns the mean loss of a batch's tokens by their weights.

    With a teacher: a * CE(truth) + (1 - a) * T^2 * KL(teacher_T || student_T), a the truth's share and
    T the temperature (Hinton et al. 2015, section 2; per token: Kim & Rush 2016, eq. 4).
    """
    functional, recipe = torch.nn.functional, job.recipe
    share = recipe.on_policy if done >= on_policy.BEGINS_AT else 0.0
    if job.teacher is not None and share > 0 and float(torch.rand(())) < share:
        return _own_loss(torch, net, job.teacher, read)
    wanted = read.weights > 0
    logits = net.logits(net.trained, read.ids, wanted).float()
    losses = functional.cross_entropy(logits, read.ids[wanted], reduction="none")
    if job.teacher is not None:
        with torch.inference_mode():
            said = job.teacher(read.ids, wanted).float()
        soft = functional.kl_div(
            functional.log_softmax(logits / recipe.temperature, dim=1),
            functional.log_softmax(said.clone() / recipe.temperature, dim=1),
            log_target=True,
            reduction="none",
        ).sum(dim=1)
        losses = recipe.truth_share * losses + (1.0 - recipe.truth_share) * recipe.temperature**2 * soft
    weights = read.weights[wanted]
    return (losses * weights).sum() / weights.sum()


def _own_loss(torch: Any, net: Net, teacher: Teacher, read: Batch) -> Any:
    """Returns the mean divergence from the teacher over the tokens of answers that the net draws itself."""
    own = on_policy.drawn(torch, net, read)
    wanted = own.weights > 0
    with torch.inference_mode():
        said = teacher(own.ids, wanted).float()
    logits = net.logits(net.trained, own.ids, wanted).float()
    return on_policy.divergence(torch, logits, said.clone()).mean()


def _optimiser(torch: Any, trained: Parameters, recipe: Recipe) -> Any:
    matrices = [value for value in trained.values() if value.ndim > 1]
    vectors = [value for value in trained.values() if value.ndim <= 1]
    groups = [
        {"params": group, "weight_decay": decay}
        for group, decay in ((matrices, recipe.weight_decay), (vectors, 0.0))
        if group
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.98), fused=True)


def _rate(done: float, warm_up: float) -> float:
    """Returns the share of the full learning rate after this share of all steps."""
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(done, 1.0)))
    return min(1.0, (done + 1e-3) / warm_up) * (_LEAST_RATE + (1.0 - _LEAST_RATE) * cosine)
