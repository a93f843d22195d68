"""The evidence file: every value that was bet on, so that anyone can compute the decision again.

It holds outcomes and hashed row keys, never texts or labels.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from suffice.certify.exact_claims import ExactClaim, ExactPairedClaim, ExactRateClaim
from suffice.certify.futility import BETA
from suffice.certify.rate_claims import MacroF1Claim, RateClaim, RecallClaim
from suffice.certify.search import ladder_plan
from suffice.certify.search_result import Claim, SearchResult
from suffice.errors import NotCertified
from suffice.stats.betting import Bets
from suffice.stats.ladder import Hypothesis, climb
from suffice.stats.paired import UnlabelledPairs
from suffice.stats.prediction_powered import PoweredBets

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
                "values": [[_short(part) for part in row] for row in test.parts]
                or [_short(value) for value in test.values],
            }
            for test in result.tests
        ],
    }


def computed_again(evidence: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns verdict, n, alpha and p-value of each system, computed anew from the recorded values.

    Raises:
        NotCertified: the file is damaged, or says things no search could have produced.
    """
    try:
        claims = [_claim(test["claim"]) for test in evidence["tests"]]
        once = [claim for claim in claims if isinstance(claim, RateClaim | ExactClaim)]
        if once:
            return _once_again(evidence, once)
        bets = [claim for claim in claims if not isinstance(claim, RateClaim | ExactClaim)]
        return _climbed_again(evidence, bets)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise NotCertified(f"{FILE} is damaged: {error!r}") from error


def _climbed_again(
    evidence: Mapping[str, Any], claims: Sequence[Bets | UnlabelledPairs]
) -> dict[str, dict[str, Any]]:
    tests = evidence["tests"]
    hypotheses = [
        Hypothesis(name=test["system"], claim=claim, futility_gap=test["futility_gap"])
        for test, claim in zip(tests, claims, strict=True)
    ]
    plan = ladder_plan(evidence["alpha"], rows=evidence["rows"], order=evidence["order"])
    values = [_bet_on(claim, test["values"]) for test, claim in zip(tests, claims, strict=True)]
    outcome = climb(hypotheses, lambda index, start, stop: values[index][start:stop], plan=plan)
    return {
        o.name: {"verdict": o.verdict, "n": o.n, "alpha": o.alpha_share, "p_value": math.exp(-o.log_e)}
        for o in outcome.outcomes
    }


def _bet_on(claim: Bets | UnlabelledPairs, values: Sequence[Any]) -> Sequence[float]:
    """Returns what was bet on: the values, or with a judge what they are made of put together again."""
    if isinstance(claim, PoweredBets):
        return [float(z) for z in claim.observations(values)]
    return values


def _once_again(
    evidence: Mapping[str, Any], claims: Sequence[RateClaim | ExactClaim]
) -> dict[str, dict[str, Any]]:
    """Walks down from the dearest system, as `rate_search` did."""
    again: dict[str, dict[str, Any]] = {}
    alpha, going = float(evidence["alpha"]), True
    for test, claim in reversed(list(zip(evidence["tests"], claims, strict=True))):
        verdict, p_value, codes = "not_tested", 1.0, list(test["values"])
        if going:
            found = claim.test(codes, alpha=alpha, beta=BETA)
            verdict, p_value = found.verdict.value, found.p_value
            going = verdict == "pass"
        again[test["system"]] = {"verdict": verdict, "n": len(codes), "alpha": alpha, "p_value": p_value}
    return again


_CLAIMS: dict[str, type[Claim]] = {
    "bets_with_judge": PoweredBets,  # before Bets, which it is a case of
    "bets": Bets,
    "pairs": UnlabelledPairs,
    "macro_f1": MacroF1Claim,
    "recall_at_false_alarm": RecallClaim,
    "exact_rate": ExactRateClaim,
    "exact_paired": ExactPairedClaim,
}


def _claim_json(claim: Claim) -> dict[str, Any]:
    kind = next(name for name, known in _CLAIMS.items() if isinstance(claim, known))
    return {"kind": kind, **vars(claim)}


def _claim(value: Mapping[str, Any]) -> Claim:
    fields: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in value.items() if key != "kind"
    }
    return _CLAIMS[value["kind"]](**fields)


def _short(value: float) -> float | int:
    return int(value) if math.isfinite(value) and value == int(value) else value
