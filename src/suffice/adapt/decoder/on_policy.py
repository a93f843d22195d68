"""Answers a student draws itself, which its teacher then judges token by token.

Generalised knowledge distillation (Agarwal et al. 2024, On-Policy Distillation of Language Models, algorithm
1): what a student learns from are the very beginnings that it writes when it answers, so it learns to go on
after its own mistakes, and not only after texts without any. It begins when half of the training is done:
what an untaught student writes is noise, of which its teacher has nothing to say.
"""

import math
from typing import Any, Protocol

from suffice.adapt.decoder.examples import Batch
from suffice.adapt.training_state import Parameters

BEGINS_AT = 0.5  # share of all steps


class Writer(Protocol):
    """A decoder that can draw answers: logits where they are wanted, and the token that ends an answer."""

    @property
    def trained(self) -> Parameters:
        """Returns the parameters that are trained, by name."""
        ...

    @property
    def pad_id(self) -> int:
        """Returns the token that fills up a batch."""
        ...

    @property
    def end_id(self) -> int:
        """Returns the token that ends an answer."""
        ...

    def logits(self, parameters: Parameters, ids: Any, wanted: Any) -> Any:
        """Returns (n, vocabulary) logits, in order, of the n tokens of `ids` (B, T) that `wanted` marks."""
        ...


def drawn(torch: Any, net: Writer, read: Batch) -> Batch:
    """Returns the batch with each row's answer drawn by the net, at temperature 1, up to the room it had.

    The room of a row is the whole width of the batch. What follows an answer's end weighs nothing. The
    draws come from torch's own generator, which each epoch seeds.
    """
    ids, answers = read.ids.clone(), read.weights > 0
    columns = torch.arange(ids.shape[1], device=ids.device)
    starts = torch.where(answers.any(1), answers.float().argmax(1), ids.shape[1])
    ids[columns >= starts[:, None]] = net.pad_id
    weights = torch.zeros_like(read.weights)
    open_rows = torch.ones(len(ids), dtype=torch.bool, device=ids.device)
    with torch.inference_mode():
        for column in range(int(starts.min()), ids.shape[1]):
            writes = open_rows & (starts <= column)
            if not writes.any():
                if not open_rows.any():
                    break
                continue
            wanted = torch.zeros((int(writes.sum()), column + 1), dtype=torch.bool, device=ids.device)
            wanted[:, column] = True
            said = net.logits(net.trained, ids[writes, : column + 1], wanted).float()
            tokens = torch.multinomial(said.softmax(1), 1)[:, 0]
            ids[writes, column] = tokens
            weights[writes, column] = 1.0
            open_rows[writes] = tokens != net.end_id
    return Batch(ids=ids.clone(), weights=weights.clone())


def divergence(torch: Any, student: Any, teacher: Any) -> Any:
    """Returns the Jensen-Shannon divergence of each of n tokens, from (n, vocabulary) logits of both.

    In nats, at most ln 2 (Agarwal et al. 2024, eq. 1, beta 1/2). The plain KL to the teacher has no
    bound: on a student's own mistakes a sure teacher makes its gradient drown all others (docs/log.md).
    """
    kl_div = torch.nn.functional.kl_div
    own, other = student.log_softmax(1), teacher.log_softmax(1)
    middle = torch.logaddexp(own, other) - math.log(2.0)
    apart = [kl_div(middle, one, log_target=True, reduction="none").sum(1) for one in (own, other)]
    return 0.5 * (apart[0] + apart[1])
