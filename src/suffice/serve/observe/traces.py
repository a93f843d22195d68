"""Spans of calls, sent by OTLP over HTTP from the SDK's own thread: what happened, never what was said.

A call's span continues the trace its client began. Below it lies one span per tier on the call's way.
The steps of an event know how long they took, not when they began: they are drawn one after the
other, which is how tiers are asked, save for a hedged request.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from suffice import extras
from suffice.clock import Clock
from suffice.serve.event import Event
from suffice.serve.observe.provider import SERVERS, provider_of
from suffice.serve.reply import Step, Verdict

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span

_OPEN_LIMIT = 20_000


@dataclass(frozen=True, kw_only=True)
class TraceSettings:
    """Where spans go: `endpoint` is the full URL, e.g. http://127.0.0.1:4318/v1/traces.

    Headers with secrets come from the environment (`OTEL_EXPORTER_OTLP_HEADERS`). `sampled` is the share
    of new traces that is kept; a trace that a client began keeps the client's decision. `providers`
    says whose a remote tier is, by tier.
    """

    endpoint: str
    service: str = "suffice"
    sampled: float = 1.0
    timeout_s: float = 10.0
    delay_ms: float = 1000.0
    providers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class Traces:
    """Begins a span with each call, and ends it with the call's event.

    Raises:
        MissingExtra: the packages of the extra `otlp` are not installed.
    """

    def __init__(self, settings: TraceSettings, *, clock: Clock) -> None:
        self._providers, self._clock = settings.providers, clock
        self._open: OrderedDict[str, Span] = OrderedDict()
        self._api = _required("opentelemetry.trace")
        self._provider = _tracer_provider(settings)
        self._tracer = self._provider.get_tracer("suffice.serve")
        context = _required("opentelemetry.trace.propagation.tracecontext")
        self._propagator = context.TraceContextTextMapPropagator()

    def begin(self, call_id: str, traceparent: str | None) -> str:
        """Returns the `traceparent` that servers are sent for this call, which continues the given one."""
        parent = self._propagator.extract({"traceparent": traceparent}) if traceparent else None
        span = self._tracer.start_span(
            "call", context=parent, kind=self._api.SpanKind.SERVER, start_time=self._now_ns()
        )
        if len(self._open) >= _OPEN_LIMIT:
            self._open.popitem(last=False)
        self._open[call_id] = span
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, context=self._api.set_span_in_context(span))
        return carrier["traceparent"]

    def hear(self, event: Event) -> None:
        """Ends the span of a call; one that was never begun gets its span now."""
        span: Any = self._open.pop(event.id, None)  # what records is the SDK's, which knows its start
        if span is None:
            start_ns = self._now_ns() - _ns(event.latency_ms)
            span = self._tracer.start_span("call", kind=self._api.SpanKind.SERVER, start_time=start_ns)
        if not span.is_recording():
            return
        start_ns = int(span.start_time)
        span.update_name(f"{event.operation} {event.route}".rstrip())
        span.set_attributes(self._attributes(event))
        if event.status >= 500:
            span.set_status(self._api.StatusCode.ERROR, event.error)
        self._draw_steps(event, self._api.set_span_in_context(span), start_ns)
        span.end(end_time=start_ns + _ns(event.latency_ms))

    async def close(self) -> None:
        """Sends what is left, in a thread, and stops; twice is harmless."""
        provider, self._provider = self._provider, None
        if provider is not None:
            await asyncio.to_thread(provider.shutdown)

    def _draw_steps(self, event: Event, parent: "Context", start_ns: int) -> None:
        for step in event.steps:
            kind = self._api.SpanKind.CLIENT if step.place in SERVERS else self._api.SpanKind.INTERNAL
            child = self._tracer.start_span(
                f"{event.operation} {step.tier}",
                context=parent,
                kind=kind,
                attributes=self._step_attributes(event, step),
                start_time=start_ns,
            )
            if step.verdict is Verdict.FAILED:
                child.set_status(self._api.StatusCode.ERROR, "tier_failed")
            start_ns += _ns(step.latency_ms or 0.0)
            child.end(end_time=start_ns)

    def _attributes(self, event: Event) -> dict[str, Any]:
        return _known(
            {
                "gen_ai.operation.name": event.operation,
                "gen_ai.provider.name": provider_of(event.tier, event.place, self._providers),
                "gen_ai.request.model": event.requested_model,
                "gen_ai.response.model": event.model,
                "gen_ai.response.id": event.id,
                "gen_ai.usage.input_tokens": event.usage.input_tokens,
                "gen_ai.usage.output_tokens": event.usage.output_tokens,
                "error.type": event.error,
                "http.response.status_code": event.status,
                "suffice.route": event.route,
                "suffice.tier": event.tier,
                "suffice.escalated": event.escalated,
                "suffice.local_only": event.local_only,
                "suffice.left_machine": event.left_machine,
                "suffice.data_classes": sorted(event.data_classes),
                "suffice.certificate": event.certificate,
                "suffice.cost_usd": event.cost_usd,
            }
        )

    def _step_attributes(self, event: Event, step: Step) -> dict[str, Any]:
        # `step.why` stays here: it may quote a server, and a server may quote the user.
        return _known(
            {
                "gen_ai.operation.name": event.operation,
                "gen_ai.provider.name": provider_of(step.tier, step.place, self._providers),
                "gen_ai.request.model": event.route,
                "gen_ai.response.model": step.model,
                "error.type": "tier_failed" if step.verdict is Verdict.FAILED else "",
                "suffice.tier": step.tier,
                "suffice.verdict": step.verdict.value,
                "suffice.confidence": step.confidence,
                "suffice.novelty": step.novelty,
                "suffice.trust": step.trust,
                "suffice.threshold": step.threshold,
            }
        )

    def _now_ns(self) -> int:
        return int(self._clock.now().timestamp() * 1e9)


def _ns(ms: float) -> int:
    return int(ms * 1e6)


def _known(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value not in (None, "", [])}


def _required(module: str) -> Any:
    return extras.require(module, extra="otlp", feature="sending traces")


def _tracer_provider(settings: TraceSettings) -> Any:
    sdk = _required("opentelemetry.sdk.trace")
    sampling = _required("opentelemetry.sdk.trace.sampling")
    resources = _required("opentelemetry.sdk.resources")
    export = _required("opentelemetry.sdk.trace.export")
    otlp = _required("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    # shutdown_on_exit is off: who composes closes, and nothing of ours may hold an interpreter's end up.
    provider = sdk.TracerProvider(
        sampler=sampling.ParentBased(sampling.TraceIdRatioBased(settings.sampled)),
        resource=resources.Resource.create({"service.name": settings.service}),
        shutdown_on_exit=False,
    )
    exporter = otlp.OTLPSpanExporter(endpoint=settings.endpoint, timeout=settings.timeout_s)
    provider.add_span_processor(export.BatchSpanProcessor(exporter, schedule_delay_millis=settings.delay_ms))
    return provider
