"""Guesses are what followed the latest like place, and their length follows their luck."""

from hypothesis import given
from hypothesis import strategies as st

from suffice.models.decode.lookup import PromptLookup


def test_the_longest_match_wins():
    """Three like tokens count for more than a later place with one."""
    assert [4, 9] == PromptLookup([1, 2, 3, 4, 9, 3, 5, 1, 2, 3], most=2).guess()


def test_of_equal_matches_the_latest_wins():
    """What was said last is likeliest to be said again."""
    assert [8] == PromptLookup([1, 7, 1, 8, 1], most=1).guess()


def test_nothing_alike_gives_no_guess():
    """A new token has no past."""
    assert [] == PromptLookup([1, 2, 3], most=4).guess()
    assert [] == PromptLookup([], most=4).guess()


def test_right_guesses_make_longer_ones():
    """The length doubles with success, up to the limit, and shrinks to what was right."""
    lookup = PromptLookup(list(range(50)) * 2, most=12)
    sizes = [len(lookup.guess())]
    for right in (4, 8, 12):
        lookup.learn(right, right)
        sizes.append(len(lookup.guess()))
    lookup.learn(12, 1)
    assert [4, 8, 12, 12, 2] == [*sizes, len(lookup.guess())]


@given(st.lists(st.integers(0, 3), max_size=40))
def test_a_guess_is_always_a_piece_of_what_was_said(tokens: list[int]):
    """Whatever was said, a guess is found in it, after a copy of the last token."""
    lookup = PromptLookup(tokens, most=5)
    guess = lookup.guess()
    pieces = [tokens[at + 1 : at + 1 + len(guess)] for at in range(len(tokens)) if tokens[at] == tokens[-1]]
    assert not guess or guess in pieces
