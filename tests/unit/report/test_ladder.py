"""The ladder as rows of text: why numbers are missing."""

import dataclasses

from suffice.report import ladder
from tests.unit.report.made_up import FACTS

WHY = "it is not served on this machine"


def test_a_missing_number_is_said_of_the_models_that_lack_it_alone() -> None:
    """A quantity that one model lacks is not said to be missing of another for the same reason."""
    first, second = FACTS.candidates[:2]
    candidates = (
        dataclasses.replace(first, why_unmeasured={"memory_bytes": WHY}),
        dataclasses.replace(second, why_unmeasured={"memory_bytes": WHY, "bytes": WHY}),
    )
    found = ladder.unmeasured(dataclasses.replace(FACTS, candidates=candidates))
    assert f"memory of {first.name}: {WHY}" in found
    assert f"memory, size of {second.name}: {WHY}" in found


def test_a_long_list_of_models_is_cut_short() -> None:
    """Of thirty models five are named, and the rest are counted."""
    why = {"energy_j": "no counter"}
    candidates = tuple(
        dataclasses.replace(FACTS.candidates[0], name=f"m{i}", why_unmeasured=why) for i in range(30)
    )
    found = ladder.unmeasured(dataclasses.replace(FACTS, candidates=candidates))
    assert "energy of m0, m1, m2, m3, m4 and 25 more: no counter" in found
