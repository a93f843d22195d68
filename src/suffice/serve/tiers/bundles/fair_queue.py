"""A bounded queue that is fair among its owners: one line each, served in turn, the longest shed first."""

from collections import OrderedDict, deque
from typing import Generic, Protocol, TypeVar


class Owned(Protocol):
    """Something that waits in its owner's line."""

    @property
    def owner(self) -> str:
        """Returns whose line it stands in."""
        ...


Item = TypeVar("Item", bound=Owned)


class FairQueue(Generic[Item]):
    """Holds at most `most` items; takes from one owner's line after the other.

    Where it is full, an item of an owner with a shorter line pushes out the newest of the longest line
    ("buffer stealing": McKenney 1990, Stochastic Fairness Queueing, section 3): a caller who floods the
    queue is refused himself, never somebody else on his account.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines: OrderedDict[str, deque[Item]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, item: Item) -> Item | None:
        """Returns what had to leave for the item: the item itself, an item of the longest line, or None."""
        line = self._lines.get(item.owner)
        pushed_out = None
        if self._count >= self._most:
            longest = max(self._lines.values(), key=len, default=None)
            if longest is None or len(longest) <= (len(line) if line is not None else 0) + 1:
                return item
            pushed_out = longest.pop()
            self._count -= 1
        if line is None:
            line = self._lines[item.owner] = deque()
        line.append(item)
        self._count += 1
        return pushed_out

    def take(self) -> Item:
        """Returns the oldest item of the line whose turn it is.

        Raises:
            KeyError: the queue is empty.
        """
        owner, line = next(iter(self._lines.items()), (None, None))
        if owner is None or line is None:
            raise KeyError("the queue is empty")
        item = line.popleft()
        self._count -= 1
        if line:
            self._lines.move_to_end(owner)
        else:
            del self._lines[owner]
        return item

    def discard(self, item: Item) -> None:
        """Takes an item out, wherever it stands; one that is not there is none to take out."""
        line = self._lines.get(item.owner)
        if line is None or item not in line:
            return
        line.remove(item)
        self._count -= 1
        if not line:
            del self._lines[item.owner]
