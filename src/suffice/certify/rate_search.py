"""The one look for metrics that are no mean over rows: fixed-sequence testing, each system once."""

from collections.abc import Sequence

from suffice.bar import QualityBar, Verdict
from suffice.certify.certify_rows import CertifyRows
from suffice.certify.estimates import SystemEstimate
from suffice.certify.futility import BETA
from suffice.certify.rate_claims import claim_of, codes_of
from suffice.certify.search_result import SearchResult, Tested
from suffice.certify.systems import Graders


def rate_search(
    path: Sequence[SystemEstimate],
    graders: Graders,
    certify: CertifyRows,
    *,
    bar: QualityBar,
    labels: Sequence[str],
    alpha: float,
) -> SearchResult:
    """Returns the outcome of testing the path, dearest first, each at full alpha, until one is not shown.

    Fixed-sequence testing keeps the whole search at alpha (Maurer, Hothorn & Lehmacher 1995); the
    number of rows is that of the split, fixed beforehand.
    """
    claim = claim_of(bar, labels)
    n = len(certify.rows)
    tests: list[Tested] = []
    chosen: int | None = None
    going = True
    for index in range(len(path) - 1, -1, -1):
        system = path[index]
        codes: list[int] = []
        verdict, p_value = Verdict.NOT_TESTED, 1.0
        if going:
            outcomes = graders.outcomes(system.cascade, 0, n)
            codes = codes_of(claim, certify.rows, outcomes, labels=labels, positive=bar.positive)
            found = claim.test(codes, alpha=alpha, beta=BETA)
            verdict, p_value = found.verdict, found.p_value
            going = verdict is Verdict.PASS
            chosen = index if going else chosen
        tests.append(
            Tested(
                system=system,
                verdict=verdict,
                alpha=alpha,
                n=len(codes),
                labels=len(codes),
                calls=len(codes) * len(system.cascade.local_models),
                log_e=None,
                p_value=p_value,
                claim=claim,
                futility_gap=None,
                values=tuple(float(code) for code in codes),
                bound_n=None,
                fresh_rows=None,
            )
        )
    tests.reverse()
    return SearchResult(
        order="descending",
        alpha=alpha,
        tests=tuple(tests),
        chosen=chosen,
        rows=n,
        rows_used=max((t.n for t in tests), default=0),
        labels_used=max((t.n for t in tests), default=0),
    )
