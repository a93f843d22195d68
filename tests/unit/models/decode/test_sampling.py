"""Tokens are drawn from the distribution that was asked for."""

import numpy as np
import pytest

from suffice.models.decode.sampling import Sampling, next_token

LOGITS = np.log(np.array([0.1, 0.4, 0.3, 0.2], np.float32))


def shares(sampling: Sampling, allowed: np.ndarray | None = None, draws: int = 4_000) -> np.ndarray:
    """Returns how often each token was drawn."""
    rng = np.random.default_rng(0)
    tokens = [next_token(LOGITS, sampling, rng=rng, allowed=allowed)[0] for _ in range(draws)]
    return np.bincount(tokens, minlength=len(LOGITS)) / draws


def test_greedy_takes_the_likeliest_and_says_how_likely():
    """Log-probabilities are among what is allowed."""
    rng = np.random.default_rng(0)
    assert (1, pytest.approx(np.log(0.4), abs=1e-6)) == next_token(LOGITS, Sampling(), rng=rng)
    allowed = np.array([True, False, False, True])
    assert (3, pytest.approx(np.log(2 / 3), abs=1e-6)) == next_token(
        LOGITS, Sampling(), rng=rng, allowed=allowed
    )


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(temperature=1.0), [0.1, 0.4, 0.3, 0.2]),
        (Sampling(temperature=0.5), np.array([1, 16, 9, 4]) / 30),
        (Sampling(temperature=1.0, top_k=2), [0, 4 / 7, 3 / 7, 0]),
        (Sampling(temperature=1.0, top_p=0.65), [0, 4 / 7, 3 / 7, 0]),
        (Sampling(temperature=1.0, top_p=0.75), [0, 4 / 9, 3 / 9, 2 / 9]),
        (Sampling(temperature=1.0, top_k=3, top_p=0.5), [0, 4 / 7, 3 / 7, 0]),
    ],
)
def test_draws_follow_temperature_and_cuts(sampling: Sampling, expected: list[float]):
    """4,000 draws: a share's standard error is at most 0.008."""
    np.testing.assert_allclose(expected, shares(sampling), atol=0.03)


def test_what_is_not_allowed_is_never_drawn():
    """A mask holds at any temperature."""
    drawn = shares(Sampling(temperature=5.0), allowed=np.array([True, False, True, False]))
    assert (0.0, 0.0) == (drawn[1], drawn[3])
    assert min(drawn[0], drawn[2]) > 0.3
