"""The probability of each label as a document's answer, without writing one.

The prompt's beginning is read once, documents are read together, and the labels' log-probabilities are
read where labels differ: from the document's own pass where their first tokens do, else from a tree
over their tokens, whose shared beginnings are read once.

A label's score is log p(its tokens | prompt), summed up to where it differs from all others ("differ"),
or to its end token ("whole"). These are log-probabilities of disjoint events, so the scores are
comparable as they are, and no length rule is applied. Over the labels they are normalised by a softmax.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suffice.errors import ModelError
from suffice.models.decode.label_trie import Node, Reading, label_trie
from suffice.models.engine import DecoderEngine, Floats, Piece, Root, misfit

_TOGETHER = 32  # documents, or branches of them, that are read together at most
# Tokens of documents that are read together: enough to keep the matrix products busy; with more, each token
# is held against the others' keys for nothing.
_TOGETHER_TOKENS = 128
_TREE_SHARE = 4  # one cell in so many is kept for the tree's tokens
_PRUNE = 1e-6


@dataclass(frozen=True, kw_only=True)
class LabelScores:
    """What was read for n documents and K labels.

    `log_probabilities`: (n, K), each label's summed log-probability. `top_logits`: (n,), the greatest
    logit among the labels' first tokens, which is low for inputs unlike those trained on.
    """

    log_probabilities: NDArray[np.float64]
    top_logits: NDArray[np.float64]


class Chooser:
    """Scores the same labels for many documents.

    `root` is the sequence of the prompt's beginning, read already. A branch whose mass is below `prune`
    times that of the labels read so far is not opened: its mass is shared out among its labels. The
    best label stays the best, because log-probabilities only fall along a branch; with 0 nothing is
    left out.
    """

    def __init__(
        self,
        engine: DecoderEngine,
        labels: Sequence[str],
        answers: Sequence[Sequence[int]],
        *,
        root: Root | None = None,
        reading: Reading = "differ",
        prune: float = _PRUNE,
    ) -> None:
        """Takes the labels and the tokens of their answers, without end token.

        Raises:
            SpecError: the labels cannot be told apart by their tokens.
        """
        self._engine = engine
        self._root = root
        self._trie = label_trie(answers, labels=labels, end=engine.end_token, reading=reading)
        self._firsts = np.array([child.edge[0] for child in self._trie.children])
        self._prune = prune
        # What a document's answers add to its sequence at most: the longest way down the tree.
        self.answer_tokens = _depth(self._trie)
        self._tree_cells = engine.cells // _TREE_SHARE
        self._together = min(_TOGETHER, engine.sequences // 2 - 1)

    @property
    def is_one_pass(self) -> bool:
        """Says whether the document's own pass is all it takes."""
        return all(child.label is not None and len(child.edge) == 1 for child in self._trie.children)

    def score(self, documents: Sequence[Sequence[int]]) -> LabelScores:
        """Returns the labels' scores; `documents` are the tokens that follow the root's.

        Raises:
            ModelError: a document does not fit the context, or the engine failed.
        """
        count = len(self._trie.labels)
        scores = np.full((len(documents), count), -np.inf)
        tops = np.zeros(len(documents))
        for group in self._groups(documents):
            opened = [self._engine.open(None if self._root is None else self._root.sequence) for _ in group]
            try:
                pieces = [
                    Piece(sequence=sequence, tokens=documents[row])
                    for sequence, row in zip(opened, group, strict=True)
                ]
                rows = [logits[-1] for logits in self._engine.extend(pieces)]
                for row, logits in zip(group, rows, strict=True):
                    tops[row] = logits[self._firsts].max()
                self._descend(opened, rows, scores, group)
            finally:
                for sequence in opened:
                    self._engine.drop(sequence)
        return LabelScores(log_probabilities=scores, top_logits=tops)

    def _groups(self, documents: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        """Returns the rows of documents that are read together: as many as there is room for."""
        start = 0 if self._root is None else self._root.length
        room = min(_TOGETHER_TOKENS, self._engine.cells - self._tree_cells - start)
        group: list[int] = []
        used = 0
        for row, tokens in enumerate(documents):
            wrong = misfit(self._engine, prompt_tokens=start + len(tokens), answer_tokens=self.answer_tokens)
            if wrong is not None or not tokens:
                raise ModelError(wrong or "a document without tokens cannot be answered")
            if group and (used + len(tokens) > room or len(group) == self._together):
                yield group
                group, used = [], 0
            group.append(row)
            used += len(tokens)
        if group:
            yield group

    def _descend(
        self, opened: Sequence[int], rows: Sequence[Floats], scores: NDArray[np.float64], group: list[int]
    ) -> None:
        """Fills the scores of a group's documents, level by level down the tree."""
        level: list[_Branch] = []
        for sequence, logits, row in zip(opened, rows, group, strict=True):
            level += _children(_Branch(row, sequence, self._trie, (), 0.0), logits)
        while level:
            waiting = []
            for branch in level:
                if len(branch.node.edge) == 1 and branch.node.label is not None:
                    scores[branch.row, branch.node.label] = branch.score
                else:
                    waiting.append(branch)
            kept = [branch for branch in waiting if not self._pruned(branch, scores)]
            level = self._opened(kept, scores)

    def _pruned(self, branch: _Branch, scores: NDArray[np.float64]) -> bool:
        """Says whether a branch's mass does not matter; if so it is shared out among its labels."""
        known = np.logaddexp.reduce(scores[branch.row])
        if branch.score > known + math.log(self._prune or 1e-300):
            return False
        scores[branch.row, branch.node.labels] = branch.score - math.log(len(branch.node.labels))
        return True

    def _opened(self, branches: list[_Branch], scores: NDArray[np.float64]) -> list[_Branch]:
        """Returns the branches below, after reading these ones' tokens."""
        below: list[_Branch] = []
        size = min(self._together, max(1, self._tree_cells // self.answer_tokens))
        for start in range(0, len(branches), size):
            part = branches[start : start + size]
            copies = [self._engine.open(branch.sequence) for branch in part]
            try:
                pieces = [branch.piece(copy) for branch, copy in zip(part, copies, strict=True)]
                for branch, logits in zip(part, self._engine.extend(pieces), strict=True):
                    edge = branch.node.edge
                    along = zip(logits, edge[1:], strict=False)
                    branch.score += sum(float(row[token]) - _log_mass(row) for row, token in along)
                    if branch.node.label is not None:
                        scores[branch.row, branch.node.label] = branch.score
                    else:
                        below += _children(branch, logits[-1])
            finally:
                for copy in copies:
                    self._engine.drop(copy)
        return below


class _Branch:
    """One node for one document: the tokens on the way to its edge, and the score of the edge's first one."""

    __slots__ = ("node", "path", "row", "score", "sequence")

    def __init__(self, row: int, sequence: int, node: Node, path: tuple[int, ...], score: float) -> None:
        self.row, self.sequence, self.node, self.path, self.score = row, sequence, node, path, score

    def piece(self, sequence: int) -> Piece:
        """Returns what must be read to score the rest of the edge, and what follows it."""
        edge = self.node.edge if self.node.label is None else self.node.edge[:-1]
        return Piece(sequence=sequence, tokens=[*self.path, *edge], wanted=len(edge))


def _children(branch: _Branch, logits: Floats) -> list[_Branch]:
    """Returns the branches below one, scored by the logits after it."""
    mass = _log_mass(logits)
    path = (*branch.path, *branch.node.edge)
    return [
        _Branch(branch.row, branch.sequence, child, path, branch.score + float(logits[child.edge[0]]) - mass)
        for child in branch.node.children
    ]


def _log_mass(logits: Floats) -> float:
    """Returns log Σ exp(logits): what is taken off a logit to make it a log-probability."""
    top = logits.max()
    odds = logits - top
    return float(top) + math.log(float(np.exp(odds, out=odds).sum()))


def _depth(node: Node) -> int:
    return len(node.edge) + max((_depth(child) for child in node.children), default=0)
