"""What dev says about systems."""

from made_systems import NON_INFERIOR, graders, made_model, made_rows, task

from suffice.bar import Metric
from suffice.certify.estimates import DevView, estimate, possible_systems
from suffice.certify.resources import Resources

PARTS = {"small": Resources(cost_usd_per_1k=1.0), "reference": Resources(cost_usd_per_1k=100.0)}


def view_of(rows, right):
    """The dev view of one small model beside its reference."""
    found = graders(rows, [made_model("small", rows, right=right, seed=5)])
    return DevView(graders=found, rows=rows, parts=PARTS, task=task(NON_INFERIOR))


def systems(view):
    """Every system on dev."""
    return possible_systems(["small"], view.graders, view.n, reference=True, metric=Metric.ACCURACY)


def test_single_models_and_cascades_to_the_reference():
    """One single and a grid of thresholds, all different."""
    found = systems(view_of(made_rows(300, reference_right=0.9, seed=1), 0.8))
    assert "small" == found[0].name
    thresholds = [system.tiers[0].threshold for system in found[1:]]
    assert len(thresholds) == len(set(thresholds)) > 10


def test_escalating_more_costs_more_and_is_safer():
    """Along the grid cost rises, and so does the mean of D where trust is informative."""
    view = view_of(made_rows(600, reference_right=0.9, seed=1), 0.7)
    found = [estimate(system, view, alpha=0.05) for system in systems(view)[1:]]
    costs = [e.resources.cost_usd_per_1k for e in found]
    assert sorted(costs) == costs
    assert found[0].mean < found[-1].mean


def test_what_is_far_below_the_bar_needs_no_number_of_rows():
    """There is no number of rows that would show it."""
    view = view_of(made_rows(300, reference_right=0.95, seed=1), 0.5)
    assert estimate(systems(view)[0], view, alpha=0.05).rows_needed is None


def test_a_perfect_dev_split_still_has_variance():
    """No dev split shows a rate of 0 or 1: one made-up worst row is added."""
    view = view_of(made_rows(50, reference_right=1.0, seed=1), 1.0)
    found = estimate(systems(view)[0], view, alpha=0.05)
    assert found.variance > 0
    assert found.mean < 0
