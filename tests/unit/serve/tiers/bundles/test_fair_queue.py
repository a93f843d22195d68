"""The queue: bounded, served in turn, and shed from the longest line."""

from dataclasses import dataclass

import pytest

from suffice.serve.tiers.bundles.fair_queue import FairQueue


@dataclass(frozen=True)
class Waiting:
    """An item of an owner's."""

    owner: str
    number: int


def filled(*owners: str, most: int = 100) -> FairQueue[Waiting]:
    """Returns a queue with one item for each owner named, in order."""
    queue: FairQueue[Waiting] = FairQueue(most)
    for number, owner in enumerate(owners):
        assert queue.add(Waiting(owner, number)) is None
    return queue


def test_lines_are_served_in_turn():
    """Who has asked for much waits for himself; each line keeps its own order."""
    queue = filled("flood", "flood", "flood", "ann", "bob", "ann")
    taken = [queue.take() for _ in range(6)]
    assert ["flood", "ann", "bob", "flood", "ann", "flood"] == [item.owner for item in taken]
    assert [0, 1, 2] == [item.number for item in taken if item.owner == "flood"]
    with pytest.raises(KeyError):
        queue.take()


def test_a_full_queue_sheds_the_newest_of_the_longest_line():
    """Who floods it is refused, not the one who comes late with one request."""
    queue = filled("flood", "flood", "flood", "ann", most=4)
    late = Waiting("bob", 9)
    assert Waiting("flood", 2) == queue.add(late)
    assert 4 == len(queue)
    assert ["flood", "ann", "bob", "flood"] == [queue.take().owner for _ in range(4)]


@pytest.mark.parametrize("owners", [("ann", "ann"), ("ann", "bob")])
def test_a_full_queue_refuses_who_would_not_be_shorter(owners):
    """An owner cannot push out what another has no more of than himself, nor his own."""
    queue = filled(*owners, most=2)
    again = Waiting("ann", 9)
    assert again is queue.add(again)
    assert 2 == len(queue)


def test_who_leaves_makes_room():
    """A discarded item is gone from its line; discarding what is not there does nothing."""
    queue = filled("ann", "bob", most=2)
    queue.discard(Waiting("ann", 0))
    queue.discard(Waiting("ann", 0))
    queue.discard(Waiting("eve", 0))
    assert 1 == len(queue)
    assert queue.add(Waiting("eve", 1)) is None
    assert ["bob", "eve"] == [queue.take().owner for _ in range(2)]


def test_a_queue_of_no_places_refuses_all():
    """`queue: 0` is a queue too."""
    item = Waiting("ann", 0)
    assert item is FairQueue[Waiting](0).add(item)
