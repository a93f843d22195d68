"""What today's answers cost and what the chosen system's do."""

from suffice.cascade import REFERENCE
from suffice.certify.resources import Resources
from suffice.certify.search_result import Tested
from suffice.measure.cost import break_even
from suffice.pipeline.tell.findings import Findings
from suffice.report import facts as f


def cost_of(findings: Findings, resources: Resources | None) -> f.CostFacts:
    """Returns what the reference costs today and the chosen system, and the break-even volume."""
    chosen, reference = findings.chosen, findings.reference
    today = None if reference is None else reference.resources.cost_usd_per_1k
    missing = {}
    if today is None:
        missing["today_usd_per_1k"] = "no reference, or none with a price"
    if chosen is None:
        return f.CostFacts(
            today_usd_per_1k=today, why_unmeasured={**missing, "chosen_usd_per_1k": "nothing was chosen"}
        )
    machine = findings.machine
    price = f"own machine ${machine.hourly_usd:.4f} an hour at {machine.utilisation:.0%} utilisation"
    assumptions = [f"{price} ({machine.source}, {machine.as_of})"]
    volume = None
    throughput = _throughput(findings, chosen)
    if today is not None and throughput is not None:
        even = break_even(
            throughput_per_s=throughput,
            machine=machine,
            reference_usd_per_1k=today,
            escalated=_reference_share(chosen),
        )
        volume = even.requests_per_month
        assumptions.append(even.advice)
    if volume is None:
        missing["break_even_requests_per_month"] = assumptions[-1]
    return f.CostFacts(
        today_usd_per_1k=today,
        chosen_usd_per_1k=None if resources is None else resources.cost_usd_per_1k,
        fixed_usd_per_month=None,
        break_even_requests_per_month=volume,
        assumptions=tuple(assumptions),
        why_unmeasured={
            **missing,
            "fixed_usd_per_month": "the machine's hours are part of the cost per 1,000",
        },
    )


def _throughput(findings: Findings, chosen: Tested) -> float | None:
    rung = findings.rung(chosen.system.cascade.local_models[0])
    return next((m.value for m in rung.measurements if m.quantity == "throughput_per_s"), None)


def _reference_share(chosen: Tested) -> float:
    """Returns the share of requests that dev sends on to the reference."""
    cascade = chosen.system.cascade
    return chosen.system.reached[-1] if cascade.tiers[-1].model == REFERENCE else 0.0
