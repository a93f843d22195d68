"""Spans over OTLP, received and decoded by a real HTTP server on loopback."""

import asyncio
import http.server
import re
import sys
import threading
from datetime import UTC, datetime

import pytest

from suffice.clock import FakeClock
from suffice.errors import MissingExtra
from suffice.ports import Usage
from suffice.serve.event import Event
from suffice.serve.observe.trace_context import passed_on
from suffice.serve.observe.traces import Traces, TraceSettings
from suffice.serve.reply import Place, Step, Verdict

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra otlp is not installed")
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
EVENT = Event(
    id="req-1",
    at=NOON,
    key_id="k1",
    route="tickets",
    operation="chat",
    requested_model="tickets",
    status=200,
    tier="large",
    place=Place.REMOTE,
    model="gpt-x",
    steps=(
        Step(
            tier="small",
            place=Place.LOCAL,
            verdict=Verdict.ESCALATED,
            why="SECRET why",
            latency_ms=1.5,
            model="linear",
            confidence=0.4,
            threshold=0.7,
        ),
        Step(tier="large", place=Place.REMOTE, verdict=Verdict.ANSWERED, latency_ms=200.0, model="gpt-x"),
    ),
    escalated=True,
    usage=Usage(input_tokens=20, output_tokens=3),
    latency_ms=205.0,
    request_text="SECRET question",
    response_text="SECRET answer",
)


class Receiver(http.server.ThreadingHTTPServer):
    """Collects the bodies that are posted to it."""

    def __init__(self):
        self.bodies = []
        super().__init__(("127.0.0.1", 0), _Taking)


class _Taking(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.bodies.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    """Runs a receiver on loopback."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def sent(receiver, use, **settings):
    """Returns the spans that arrive from what `use` does with traces, by name, and its result."""
    endpoint = f"http://127.0.0.1:{receiver.server_address[1]}/v1/traces"
    traces = Traces(TraceSettings(endpoint=endpoint, **settings), clock=FakeClock(NOON))
    result = use(traces)
    asyncio.run(traces.close())
    asyncio.run(traces.close())
    spans = {}
    for path, body in receiver.bodies:
        assert "/v1/traces" == path
        message = ExportTraceServiceRequest.FromString(body)
        for group in message.resource_spans:
            for scope in group.scope_spans:
                spans |= {span.name: span for span in scope.spans}
    return spans, result


def attributes(span):
    """Returns the attributes of a decoded span."""
    found = {}
    for pair in span.attributes:
        kind = pair.value.WhichOneof("value")
        found[pair.key] = getattr(pair.value, kind)
    return found


def test_a_call_is_one_span_with_one_child_for_each_tier(receiver):
    """The spans carry the GenAI attributes, what was decided, and times that add up."""

    def use(traces):
        traces.begin("req-1", None)
        traces.hear(EVENT)

    spans, _ = sent(receiver, use, providers={"large": "openai"})
    assert {"chat tickets", "chat small", "chat large"} == set(spans)
    call, small, large = spans["chat tickets"], spans["chat small"], spans["chat large"]
    has = attributes(call)
    assert "chat" == has["gen_ai.operation.name"]
    assert "openai" == has["gen_ai.provider.name"]
    assert ("tickets", "gpt-x") == (has["gen_ai.request.model"], has["gen_ai.response.model"])
    assert (20, 3) == (has["gen_ai.usage.input_tokens"], has["gen_ai.usage.output_tokens"])
    assert 205_000_000 == call.end_time_unix_nano - call.start_time_unix_nano
    assert [call.span_id] * 2 == [small.parent_span_id, large.parent_span_id]
    assert small.end_time_unix_nano == large.start_time_unix_nano
    assert ("escalated", 0.4, 0.7) == tuple(
        attributes(small)[f"suffice.{name}"] for name in ("verdict", "confidence", "threshold")
    )


def test_no_content_is_in_a_span(receiver):
    """Neither what was asked, nor what was answered, nor a reason that may quote either is sent."""
    sent(receiver, lambda traces: traces.hear(EVENT))
    assert receiver.bodies
    assert [] == [body for _, body in receiver.bodies if b"SECRET" in body]


def test_a_clients_trace_is_continued_and_passed_on(receiver):
    """The call's span has the client's as parent, and servers are sent the call's span as theirs."""

    def use(traces):
        header = traces.begin("req-1", f"00-{TRACE}-{PARENT}-01")
        traces.hear(EVENT)
        return header

    spans, header = sent(receiver, use)
    call = spans["chat tickets"]
    assert (TRACE, PARENT) == (call.trace_id.hex(), call.parent_span_id.hex())
    assert f"00-{TRACE}-{call.span_id.hex()}-01" == header


def test_a_trace_the_client_does_not_keep_is_not_sent(receiver):
    """A traceparent with the sampled flag off is passed on with it off, and nothing is sent."""

    def use(traces):
        header = traces.begin("req-1", f"00-{TRACE}-{PARENT}-00")
        traces.hear(EVENT)
        return header

    spans, header = sent(receiver, use)
    assert {} == spans
    assert re.fullmatch(rf"00-{TRACE}-[0-9a-f]{{16}}-00", header)


@pytest.mark.parametrize("header", ["", "rubbish", f"00-{'0' * 32}-{PARENT}-01", f"ff-{TRACE}-{PARENT}-01"])
def test_a_broken_traceparent_begins_a_new_trace(receiver, header):
    """What is no traceparent is ignored, as the specification asks."""
    spans, passed = sent(receiver, lambda traces: (traces.begin("req-1", header), traces.hear(EVENT))[0])
    assert b"" == spans["chat tickets"].parent_span_id
    assert TRACE not in passed


def test_an_error_of_ours_marks_the_span(receiver):
    """A call nobody answered is an error span with the error's code, and its failed tier too."""
    failed = Event(
        id="req-2",
        at=NOON,
        key_id="k1",
        route="tickets",
        operation="chat",
        requested_model="tickets",
        status=502,
        error="no_answer",
        steps=(Step(tier="large", place=Place.REMOTE, verdict=Verdict.FAILED, latency_ms=3.0),),
    )
    spans, _ = sent(receiver, lambda traces: traces.hear(failed))
    assert "no_answer" == attributes(spans["chat tickets"])["error.type"]
    assert [2, 2] == [spans[name].status.code for name in ("chat tickets", "chat large")]


def test_a_receiver_that_is_gone_disturbs_nothing(caplog):
    """Where nothing listens, hearing and closing still end, and no exception comes out."""
    traces = Traces(
        TraceSettings(endpoint="http://127.0.0.1:9/v1/traces", timeout_s=0.2), clock=FakeClock(NOON)
    )
    traces.hear(EVENT)
    asyncio.run(traces.close())
    assert "Failed to export" in caplog.text


def test_without_the_extra_the_error_says_what_to_install(monkeypatch):
    """Traces that are asked for without their packages are refused with the command to type."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(MissingExtra) as caught:
        Traces(TraceSettings(endpoint="http://127.0.0.1:9/v1/traces"), clock=FakeClock(NOON))
    assert "otlp" in caught.value.hint


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-01"),
        (None, ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        (f"00-{TRACE}-{PARENT}-01\r\nx: y", ""),
        (f"00-{TRACE.upper()}-{PARENT}-01", ""),
    ],
)
def test_without_traces_only_a_valid_header_is_passed_on(given, expected):
    """A gateway that makes no spans hands a valid traceparent on unchanged, and drops all else."""
    assert expected == passed_on(given)
