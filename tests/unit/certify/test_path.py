"""Which systems are tested, in which order."""

from dataclasses import replace

from made_systems import single

from suffice.certify.path import frontier_path


def needing(name, rows, cost, **changes):
    """A system that needs so many rows and costs so much."""
    return replace(single(name, cost=cost), rows_needed=rows, **changes)


def names(path):
    """The names along a path."""
    return [system.cascade.name for system in path.systems]


def test_cheaper_and_harder_to_dearer_and_easier():
    """Along the path, cost rises and the rows needed fall."""
    path = frontier_path(
        [needing("b", 200, 2.0), needing("a", 400, 1.0), needing("c", 100, 3.0)], minimise="cost", rows=500
    )
    assert ["a", "b", "c"] == names(path)


def test_a_dearer_system_that_is_no_easier_is_left_out():
    """It would never be chosen, and would be one more to pass."""
    path = frontier_path([needing("a", 100, 1.0), needing("b", 150, 2.0)], minimise="cost", rows=500)
    assert ["a"] == names(path)
    assert "cheaper or easier" in path.left_out[0][1]


def test_what_the_rows_cannot_show_is_not_tested():
    """Error budget is spent on what has a chance; the reason names both numbers."""
    path = frontier_path([needing("a", 9000, 1.0), needing("b", 150, 2.0)], minimise="cost", rows=500)
    assert ["b"] == names(path)
    assert "9,000" in path.left_out[0][1]


def test_something_is_tested_where_something_can_be():
    """Without hope, the system that needs the fewest rows is tested alone, for an honest verdict."""
    path = frontier_path([needing("a", 9000, 1.0), needing("b", 5000, 2.0)], minimise="cost", rows=500)
    assert ["b"] == names(path)


def test_over_a_limit_is_out_whatever_its_quality():
    """A system that misses a resource bar is never tested."""
    path = frontier_path([needing("a", 100, 1.0, misses="memory over the bar")], minimise="cost", rows=500)
    assert ([], "memory over the bar") == (names(path), path.left_out[0][1])


def test_what_was_not_measured_cannot_be_minimised():
    """Energy that nobody measured ranks nothing."""
    path = frontier_path([needing("a", 100, 1.0)], minimise="energy", rows=500)
    assert [] == names(path)
    assert "energy was not measured" in path.left_out[0][1]
