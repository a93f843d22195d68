"""The facts object and its JSON."""

import dataclasses
import json
import math
from typing import Any

import pytest

from suffice.errors import ArtefactError
from suffice.report.facts import EvidenceFacts, Facts, from_json, to_json
from tests.unit.report.made_up import FACTS, INCONCLUSIVE


@pytest.mark.parametrize("facts", [FACTS, INCONCLUSIVE])
def test_json_and_back_is_the_same_object(facts: Facts) -> None:
    """What `report.json` holds gives back the facts, field by field."""
    assert facts == from_json(json.loads(json.dumps(to_json(facts), allow_nan=False)))


def test_json_has_the_promised_shape() -> None:
    """`run --json` prints the names that scripts rely on."""
    value = to_json(FACTS)
    promised = {"verdict", "chosen", "target", "alpha", "evidence", "candidates", "certificate", "report"}
    assert promised <= set(value)
    assert ("pass", "non_inferior") == (value["verdict"], value["target"])
    assert {"name", "kind", "bytes", "fingerprint"} <= set(value["chosen"])
    assert {"n", "labels", "calls", "e_value", "bound_n", "ratio"} <= set(value["evidence"])
    candidate = value["candidates"][0]
    promised = {"name", "kind", "bytes", "verdict", "why", "quality", "latency_ms", "memory_bytes"}
    assert promised | {"cost_usd_per_1k", "energy_j"} <= set(candidate)
    assert {"estimate", "lower", "upper", "n", "split"} <= set(candidate["quality"])
    assert {"p50", "p95"} <= set(candidate["latency_ms"])


def test_not_measured_is_null_and_never_zero() -> None:
    """A quantity without a number is null, with its reason beside it."""
    candidate = to_json(FACTS)["candidates"][0]
    assert candidate["energy_j"] is None
    assert candidate["why_unmeasured"] == {"energy_j": "this machine shows no energy counter"}


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_number_json_cannot_hold_is_refused_by_name(number: float) -> None:
    """NaN and infinity never reach the file, and the message says where they came from."""
    facts = dataclasses.replace(FACTS, evidence=EvidenceFacts(n=1, labels=1, calls=1, e_value=number))
    with pytest.raises(ValueError, match=r"evidence\.e_value"):
        to_json(facts)


def _changed(path: tuple[Any, ...], new: Any) -> dict[str, Any]:
    value = json.loads(json.dumps(to_json(FACTS)))
    place = value
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = new
    return dict(value)


@pytest.mark.parametrize(
    ("path", "new", "named"),
    [
        (("colour",), "red", "colour"),
        (("chosen", "size"), 3, r"chosen\.size"),
        (("verdict",), "maybe", "verdict"),
        (("alpha",), "0.05", "alpha"),
        (("seed",), 1.5, "seed"),
        (("candidates",), {}, "candidates"),
        (("candidates", 0, "quality"), 0.9, r"candidates\[0\]\.quality"),
        (("environment", "versions", 0), ["numpy"], r"environment\.versions\[0\]"),
        (("cost", "why_unmeasured"), [], r"cost\.why_unmeasured"),
    ],
)
def test_a_changed_file_is_refused_by_field(path: tuple[Any, ...], new: Any, named: str) -> None:
    """A report.json that does not fit names the field that is wrong."""
    with pytest.raises(ArtefactError, match=named):
        from_json(_changed(path, new))


def test_a_missing_field_is_refused_by_name() -> None:
    """A field without a default must be there."""
    value = to_json(FACTS)
    del value["chosen"]["fingerprint"]
    with pytest.raises(ArtefactError, match=r"chosen\.fingerprint"):
        from_json(value)
