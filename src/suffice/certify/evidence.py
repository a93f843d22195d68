"""The evidence file: every value that was bet on, so that anyone can compute the decision again.

It holds outcomes and hashed row keys, never texts or labels.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from suffice.certify.search import SearchResult, ladder_plan
from suffice.errors import NotCertified
from suffice.stats.betting import Bets
from suffice.stats.ladder import Hypothesis, LadderOutcome, climb
from suffice.stats.paired import UnlabelledPairs

FILE = "evidence.json"
_FORMAT = 1
_KEY_LENGTH = 16  # enough to find a row again; collisions among 10 million rows are unlikely


def as_json(result: SearchResult, keys: Sequence[str]) -> dict[str, Any]:
    """Returns the evidence as plain JSON; `keys` are the certify rows' content keys in test order."""
    return {
        "format": _FORMAT,
        "order": result.order,
        "alpha": result.alpha,
        "row_keys": [key[:_KEY_LENGTH] for key in keys],
        "rows": result.rows,
        "tests": [
            {
                "system": test.system.cascade.name,
                "claim": _claim_json(test.claim),
                "futility_gap": test.futility_gap,
                "values": [_short(value) for value in test.values],
            }
            for test in result.tests
        ],
    }


def computed_again(evidence: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns verdict, n, alpha and log e-value of each system, computed anew from the recorded values.

    Raises:
        NotCertified: the file is damaged, or says things no search could have produced.
    """
    try:
        outcome = _climb_again(evidence)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise NotCertified(f"{FILE} is damaged: {error!r}") from error
    return {
        o.name: {"verdict": o.verdict, "n": o.n, "alpha": o.alpha_share, "log_e": o.log_e}
        for o in outcome.outcomes
    }


def _climb_again(evidence: Mapping[str, Any]) -> LadderOutcome:
    tests = evidence["tests"]
    hypotheses = [
        Hypothesis(name=t["system"], claim=_claim(t["claim"]), futility_gap=t["futility_gap"]) for t in tests
    ]
    plan = ladder_plan(evidence["alpha"], rows=evidence["rows"], order=evidence["order"])
    return climb(hypotheses, lambda index, start, stop: tests[index]["values"][start:stop], plan=plan)


def _claim_json(claim: Bets | UnlabelledPairs) -> dict[str, Any]:
    kind = "bets" if isinstance(claim, Bets) else "pairs"
    return {"kind": kind, **vars(claim)}


def _claim(value: Mapping[str, Any]) -> Bets | UnlabelledPairs:
    fields: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in value.items() if key != "kind"
    }
    return Bets(**fields) if value["kind"] == "bets" else UnlabelledPairs(**fields)


def _short(value: float) -> float | int:
    return int(value) if math.isfinite(value) and value == int(value) else value
