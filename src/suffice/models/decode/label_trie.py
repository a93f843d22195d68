"""The labels' tokens as a tree whose shared beginnings are scored once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from suffice.errors import SpecError

Reading = Literal["differ", "whole"]


@dataclass(kw_only=True)
class Node:
    """A place in the tree: `edge` are the tokens that lead here from its parent, at least one.

    `label` is the position of the label that ends here; None at inner nodes, which have `children`.
    """

    edge: tuple[int, ...]
    children: list[Node] = field(default_factory=list)
    label: int | None = None
    labels: list[int] = field(default_factory=list)  # of all labels at or below this node


def label_trie(
    answers: Sequence[Sequence[int]], *, labels: Sequence[str], end: int, reading: Reading
) -> Node:
    """Returns the root of the tree over K answers' tokens, each followed by the end token.

    With reading "differ" each label is read up to the first token that no other label has there, and no
    further: what follows is then certain. With "whole" it is read to its end token.

    Raises:
        SpecError: two labels have the same tokens, a label has none, or the tokenizer has no end token
            though one label begins with another one.
    """
    sequences = [(*answer, end) for answer in answers]
    for index, sequence in enumerate(sequences):
        if len(sequence) == 1:
            raise SpecError(f"the label {labels[index]!r} has no tokens")
        if sequence in sequences[:index]:
            other = labels[sequences.index(sequence)]
            raise SpecError(f"the labels {other!r} and {labels[index]!r} have the same tokens")
    root = Node(edge=())
    _grow(root, list(enumerate(sequences)), 0, reading)
    if end < 0 and _uses(root, end):
        raise SpecError("the model's tokenizer names no end token, which tells these labels apart")
    return root


def _grow(node: Node, members: list[tuple[int, tuple[int, ...]]], depth: int, reading: Reading) -> None:
    """Adds the subtrees of labels that share their first `depth` tokens."""
    node.labels = [index for index, _ in members]
    by_token: dict[int, list[tuple[int, tuple[int, ...]]]] = {}
    for member in members:
        by_token.setdefault(member[1][depth], []).append(member)
    for group in by_token.values():
        if len(group) == 1:
            index, sequence = group[0]
            end = depth + 1 if reading == "differ" else len(sequence)
            child = Node(edge=sequence[depth:end], label=index, labels=[index])
        else:
            shared = _shared([sequence for _, sequence in group])
            child = Node(edge=group[0][1][depth:shared])
            _grow(child, group, shared, reading)
        node.children.append(child)


def _shared(sequences: Sequence[tuple[int, ...]]) -> int:
    """Returns how many tokens the sequences begin with in common; none of them is another's beginning."""
    length = 0
    for tokens in zip(*sequences, strict=False):
        if len(set(tokens)) > 1:
            return length
        length += 1
    return length


def _uses(node: Node, token: int) -> bool:
    return any(token in child.edge or _uses(child, token) for child in node.children)
