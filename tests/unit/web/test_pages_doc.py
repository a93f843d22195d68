"""docs/gateway-pages.md names what there is, and nothing else."""

import re
from datetime import UTC, datetime
from pathlib import Path

from suffice.ports import Usage
from suffice.serve.event import Event
from suffice.serve.observe.metrics import Metrics
from suffice.serve.observe.vitals import Vitals
from suffice.serve.reply import Place, Step, Verdict
from suffice.web.pages import VIEWS
from suffice.web.views.overview import WINDOWS

TEXT = (Path(__file__).parents[3] / "docs" / "gateway-pages.md").read_text(encoding="utf-8")


def rows(title):
    """Returns the cells of the table whose first header is `title`."""
    table = TEXT.partition(f"| {title} |")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]


def test_every_page_is_documented_with_its_scopes():
    """The table has each page, and the scopes that open it (`admin` opens all)."""
    documented = {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[1])) for row in rows("page | scopes")}
    assert {view.path: set(view.scopes) - {"admin"} or {"admin"} for view in VIEWS} == documented
    assert list(WINDOWS) == re.findall(r"`(\d+[hd])`", TEXT)


def test_every_metric_is_documented_with_its_labels():
    """The table is what the exposition holds once a call has gone every way."""
    metrics = Metrics(
        ["r"],
        vitals=Vitals(queue_depths=lambda: {"t": 1}, breakers=lambda: {"t": "open"}, open_tickets=lambda: 1),
    )
    metrics.hear(
        Event(
            id="1",
            at=datetime(2026, 11, 22, tzinfo=UTC),
            key_id="k",
            route="r",
            operation="chat",
            requested_model="r",
            status=200,
            error="e",
            tier="t",
            place=Place.REMOTE,
            model="m",
            steps=(Step(tier="t", place=Place.REMOTE, verdict=Verdict.ANSWERED, latency_ms=1.0),),
            escalated=True,
            left_machine=True,
            usage=Usage(input_tokens=1, output_tokens=2),
            cost_usd=1.0,
            reference_usd=1.0,
            first_token_ms=1.0,
        )
    )
    always = {
        "gen_ai_operation_name",
        "gen_ai_provider_name",
        "gen_ai_request_model",
        "gen_ai_response_model",
    }
    found = {}
    for family in metrics.registry.collect():
        if family.name.startswith("process_"):
            continue
        labels = {label for sample in family.samples for label in sample.labels} - always - {"le"}
        found[family.name + ("_total" if family.type == "counter" else "")] = labels
    documented = {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[1])) for row in rows("metric")}
    assert found == documented
