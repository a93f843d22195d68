"""Money: estimates, the account and its cap."""

import pytest

from suffice.errors import BudgetExceeded, SpecError
from suffice.models.http.spend import Price, SpendAccount, TokenEstimator, estimate_usd, tokens_of_text
from suffice.ports import Usage


def test_price_is_per_million_tokens() -> None:
    """A million tokens in and half a million out cost their list price."""
    price = Price(usd_per_1m_input=2.5, usd_per_1m_output=10.0)
    assert 7.5 == price.cost_usd(input_tokens=1_000_000, output_tokens=500_000)


@pytest.mark.parametrize("usd", [-1.0, float("nan"), float("inf")])
def test_impossible_prices_are_refused(usd: float) -> None:
    """A price is a number of dollars, 0 or more."""
    with pytest.raises(SpecError, match="a price is"):
        Price(usd_per_1m_input=usd, usd_per_1m_output=0.0)


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("abcd", 1), ("abcde", 2), ("日本語日", 3), ("\ud800", 1)]
)
def test_tokens_are_estimated_from_bytes(text: str, tokens: int) -> None:
    """Four bytes a token, rounded up; scripts with more bytes per sign count more."""
    assert tokens == tokens_of_text(text)


def test_the_estimate_learns_from_usage() -> None:
    """Once a model states its tokens, their ratio to bytes replaces the rule of thumb."""
    tokens = TokenEstimator()
    assert 100 == tokens.input_tokens(400, messages=0)
    tokens.see(1000, Usage(input_tokens=500))
    assert 200 == tokens.input_tokens(400, messages=0)


def test_estimate_is_an_upper_one() -> None:
    """Each call is taken to write as much as it may."""
    price = Price(usd_per_1m_input=1.0, usd_per_1m_output=2.0)
    assert 5.0 == estimate_usd([500_000, 500_000], output_tokens=1_000_000, price=price)


def test_no_cap_means_nothing_may_be_spent() -> None:
    """Without a cap the first paid call is refused, and the hint says what to type."""
    with pytest.raises(BudgetExceeded, match=r"about \$1\.5000 .* no spend cap") as caught:
        SpendAccount(cap_usd=None).check(1.5, what="asking")
    assert "set one: --max-usd 1.65" == caught.value.hint


def test_reservations_count_against_the_cap() -> None:
    """Calls under way count at their estimate until they are settled."""
    account = SpendAccount(cap_usd=1.0)
    account.reserve(0.8, what="asking")
    with pytest.raises(BudgetExceeded, match="passes the cap"):
        account.reserve(0.4, what="asking")
    account.settle(reserved_usd=0.8, spent_usd=0.3)
    account.reserve(0.4, what="asking")
    assert 0.3 == account.spent_usd


@pytest.mark.parametrize("cap", [-0.1, float("nan")])
def test_impossible_caps_are_refused(cap: float) -> None:
    """A cap is a number of dollars, 0 or more."""
    with pytest.raises(SpecError, match="a spend cap is"):
        SpendAccount(cap_usd=cap)


@pytest.mark.parametrize(
    ("outer", "inner", "setting"),
    [(1.0, 0.1, "spend_cap_usd:"), (0.1, 1.0, "--max-usd"), (None, 0.1, "spend_cap_usd:")],
)
def test_the_lower_of_two_caps_counts(outer: float | None, inner: float, setting: str) -> None:
    """An account within another one keeps both caps; the hint names the one that was in the way."""
    run = SpendAccount(cap_usd=outer)
    model = SpendAccount(cap_usd=inner, within=run, setting=setting if outer != 0.1 else "spend_cap_usd:")
    model.reserve(0.08, what="asking")
    with pytest.raises(BudgetExceeded) as refused:
        model.check(0.05, what="asking")
    assert f"raise it: {setting} 0.15" == refused.value.hint
    model.settle(reserved_usd=0.08, spent_usd=0.02)
    model.check(0.05, what="asking")
    assert (0.02, 0.02) == (model.spent_usd, run.spent_usd)


def test_two_models_share_the_outer_cap() -> None:
    """What one has reserved is missing for the other."""
    run = SpendAccount(cap_usd=0.1)
    first, second = (SpendAccount(cap_usd=0.09, within=run) for _ in range(2))
    first.reserve(0.06, what="first")
    with pytest.raises(BudgetExceeded, match="passes the cap"):
        second.reserve(0.06, what="second")
    first.settle(reserved_usd=0.06, spent_usd=0.0)
    second.reserve(0.06, what="second")
