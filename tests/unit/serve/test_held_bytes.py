"""What is held of bodies: bounded, and memory given back once much of it is gone."""

from suffice.serve import unused_memory
from suffice.serve.held_bytes import HeldBytes

MIB = 1 << 20


def test_what_fits_may_stay_and_what_does_not_may_not():
    """What was refused is counted until it is given back, as it is there."""
    held = HeldBytes(100)
    assert (True, 40) == (held.take(60), held.room)
    assert (False, -10) == (held.take(50), held.room)
    held.give_back(50)
    assert (True, 0) == (held.take(40), held.room)


def test_memory_is_given_back_once_much_was_held_and_none_is():
    """Once for each time, and not for small bodies, which come and go all the time."""
    told = []
    held = HeldBytes(1000 * MIB, emptied=lambda: told.append(held.room))
    for count in (1, 20 * MIB):
        held.take(count)
        held.give_back(count)
    assert [] == told
    for _ in range(2):
        held.take(30 * MIB)
        held.take(30 * MIB)
        held.give_back(30 * MIB)
        assert 1 >= len(told)
        held.give_back(30 * MIB)
        held.take(1)
        held.give_back(1)
    assert [1000 * MIB] * 2 == told


def test_giving_memory_back_harms_nothing():
    """Whatever the C library is."""
    kept = [bytes(100_000) for _ in range(100)]
    unused_memory.give_back()
    assert {100_000} == {len(part) for part in kept}
