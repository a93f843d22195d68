"""Joules on the overview: at most what bundles took, at least what that saved, never more than is known."""

from dataclasses import replace

import pytest

from suffice.serve.route import Route
from suffice.serve.store.records import Traffic
from suffice.web.views.energy import energy
from tests.unit.web.made_up import CERTIFICATE, NOW, event, fake_site, made, rate


def measured(*joules):
    """Returns a certificate whose rungs took so many joules a request; None: not measured."""
    rungs = {f"m{at}": [{"quantity": "energy_j", "value": one}] for at, one in enumerate(joules)}
    return {**CERTIFICATE, "measurements": rungs}


def site_of(*joules, stated=None):
    """Returns a site with one route: a bundle of such rungs, and its reference."""
    small, *_, large, _staff = fake_site().tiers
    tiers = (replace(small, certificate=measured(*joules)), replace(large, joules_per_call=stated))
    return fake_site(
        routes=(Route(name="tickets", tiers=("small", "large"), reference="large"),), tiers=tiers
    )


def told(site, *, here=80, up=20):
    """Returns the energy of a window in which so many calls were answered here, and so many passed up."""
    parts = [("small", here), ("large", up)]
    traffic = [Traffic(at=NOW, route="tickets", tier=tier, calls=n, failed=0) for tier, n in parts]
    return energy(traffic, [rate("tickets", "", up, here + up)], site)


def test_every_call_counts_with_every_rung():
    """The upper end: which rungs a call went through is not summed up."""
    found = told(site_of(0.001, 0.02))
    assert (pytest.approx(100 * 0.021), 100) == (found["used_at_most_j"], found["n"])
    assert (None, "no joules_per_call is stated for a reference") == (found["saved_at_least_j"], found["why"])


def test_what_was_saved_is_what_the_reference_did_not_have_to_do_less_what_bundles_took():
    """Only calls that were answered here saved one there; those passed up cost both."""
    found = told(site_of(0.001, 0.02, stated=3.0))
    assert (pytest.approx(80 * 3.0 - 100 * 0.021), 80) == (found["saved_at_least_j"], found["compared_n"])


def test_a_bundle_that_saves_nothing_is_not_hidden():
    """Below 0: it took more than it spared."""
    assert told(site_of(5.0, stated=3.0))["saved_at_least_j"] == pytest.approx(80 * 3.0 - 500.0)


@pytest.mark.parametrize("joules", [(), (None,), (0.001, None)])
def test_one_rung_that_was_not_measured_makes_the_sum_unknown(joules):
    """Unknown is not 0."""
    found = told(site_of(*joules, stated=3.0))
    assert (None, None, 0) == (found["used_at_most_j"], found["saved_at_least_j"], found["n"])
    assert "not measured when it was certified" in found["why"]


def test_the_page_says_what_is_known():
    """In words: saved at least, on whose word; or not measured, and why."""
    for site, words in (
        (site_of(0.001, stated=3.0), "at least, n 10; its joules are stated, not measured"),
        (site_of(9.0, stated=3.0), "none shown"),
        (site_of(0.001), "the reference&#39;s is not stated"),
        (site_of(None), "energy was not measured when it was certified"),
    ):
        pages = made(events=[event(number) for number in range(20)], site=site)
        pages.log_in()
        text = pages.client.get("/overview").text.replace("reference's", "reference&#39;s")
        assert words in text, words
