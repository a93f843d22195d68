"""Prometheus metrics of ended calls, under OpenTelemetry's GenAI names.

The names are those of the GenAI semantic conventions (status: development) in Prometheus' spelling:
dots become underscores, seconds and totals are said at the end. `gen_ai.server.*` is a whole call as
the client saw it, `gen_ai.client.*` what the gateway, itself a client, saw of its tiers. The bounds are
the conventions' own, with finer ones below them: a local tier answers in under a millisecond.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from suffice.serve.event import Event
from suffice.serve.observe.provider import provider_of
from suffice.serve.observe.series import OTHER, Buckets, Counts, Distribution, Names, Tally
from suffice.serve.observe.vitals import Vitals, VitalsCollector
from suffice.serve.reply import Step, Verdict

_DURATIONS_S = (
    *(0.0002, 0.0005, 0.001, 0.002, 0.005),
    *(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
)
_FIRST_TOKENS_S = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
_PER_TOKEN_S = (
    *(0.0005, 0.001, 0.0025, 0.005),
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5),
)
_TOKENS = tuple(4.0**power for power in range(14))

_GEN_AI = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "gen_ai_response_model")
_MODELS_LIMIT, _REASONS_LIMIT, _WAYS_LIMIT = 100, 60, 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class _Series:
    """The series that calls of one way touch: the same names, tiers and verdicts."""

    request: Buckets
    first_token: Buckets
    per_token: Buckets
    input_tokens: Buckets
    output_tokens: Buckets
    refused: Tally
    escalated: Tally
    left: tuple[Tally, Tally]  # as it was, masked
    cost: Tally
    priced_cost: Tally
    priced_reference: Tally
    steps: tuple[tuple[Tally, Buckets], ...]

    def time_tokens(self, event: Event, first_token_ms: float) -> None:
        """Counts the time to the first token, and the mean time of each one after it."""
        self.first_token.observe(first_token_ms / 1000)
        tokens = event.usage.output_tokens
        if tokens is not None and tokens > 1:
            self.per_token.observe((event.latency_ms - first_token_ms) / 1000 / (tokens - 1))

    def pay(self, cost_usd: float, reference_usd: float | None) -> None:
        """Counts what a call cost, and beside the reference's price only where both are known."""
        self.cost.value += cost_usd
        if reference_usd is not None:
            self.priced_cost.value += cost_usd
            self.priced_reference.value += reference_usd


class Metrics(Collector):
    """What the gateway counts, in a registry of its own.

    `routes` are the names the site serves: no other name of a client becomes a label. `providers` says
    whose a remote tier is (`gen_ai.provider.name`), by tier; without it, the tier's own name is shown.
    """

    def __init__(
        self,
        routes: Collection[str],
        *,
        providers: Mapping[str, str] | None = None,
        vitals: Vitals | None = None,
    ) -> None:
        self._routes = frozenset(routes)
        self._ways: dict[tuple[object, ...], _Series] = {}
        self._providers = dict(providers or {})
        self._models, self._reasons = Names(_MODELS_LIMIT), Names(_REASONS_LIMIT)
        self._requests = Distribution(
            "gen_ai_server_request_duration_seconds",
            "Time of a whole call, as its client saw it.",
            (*_GEN_AI, "error_type"),
            bounds=_DURATIONS_S,
        )
        self._first_tokens = Distribution(
            "gen_ai_server_time_to_first_token_seconds",
            "Time to the first token of a streamed answer.",
            _GEN_AI,
            bounds=_FIRST_TOKENS_S,
        )
        self._per_token = Distribution(
            "gen_ai_server_time_per_output_token_seconds",
            "Mean time of each token after the first, of a streamed answer.",
            _GEN_AI,
            bounds=_PER_TOKEN_S,
        )
        self._operations = Distribution(
            "gen_ai_client_operation_duration_seconds",
            "Time of one tier's answer, as the gateway saw it.",
            (*_GEN_AI, "error_type"),
            bounds=_DURATIONS_S,
        )
        self._tokens = Distribution(
            "gen_ai_client_token_usage",
            "Tokens read and written, where the tier that answered says them.",
            (*_GEN_AI, "gen_ai_token_type"),
            bounds=_TOKENS,
        )
        by_route, by_tier = ("route",), ("route", "tier")
        self._calls = Counts(
            "suffice_calls", "Tiers on a call's way, by what became of it there.", (*by_tier, "verdict")
        )
        self._escalations = Counts(
            "suffice_escalations", "Calls with an answer that was passed up.", by_route
        )
        self._refusals = Counts("suffice_refusals", "Calls that ended with an error.", ("reason",))
        self._left = Counts(
            "suffice_left_machine", "Calls sent to a tier outside this machine.", ("route", "masked")
        )
        self._cost = Counts("suffice_cost_usd", "Money paid, where the price is known.", by_tier)
        self._priced_cost = Counts(
            "suffice_priced_cost_usd", "Money paid for calls whose reference price is known too.", by_route
        )
        self._priced_reference = Counts(
            "suffice_priced_reference_usd", "What the reference would have cost for the same calls.", by_route
        )
        self.registry = self._registry(vitals or Vitals())

    def _registry(self, vitals: Vitals) -> CollectorRegistry:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        registry.register(VitalsCollector(vitals))
        ProcessCollector(registry=registry)
        return registry

    def serve_routes(self, routes: Collection[str]) -> None:
        """Takes the names the site serves now, after a reload."""
        self._routes = frozenset(routes)
        self._ways.clear()

    def hear(self, event: Event) -> None:
        """Counts one ended call; microseconds, and no waiting."""
        kept = self._series_of(event)
        kept.request.observe(event.latency_ms / 1000)
        if event.first_token_ms is not None:
            kept.time_tokens(event, event.first_token_ms)
        usage = event.usage
        if usage.input_tokens is not None:
            kept.input_tokens.observe(usage.input_tokens)
        if usage.output_tokens is not None:
            kept.output_tokens.observe(usage.output_tokens)
        if event.error:
            kept.refused.value += 1
        if event.escalated:
            kept.escalated.value += 1
        if event.left_machine:
            kept.left[event.masked].value += 1
        if event.cost_usd is not None:
            kept.pay(event.cost_usd, event.reference_usd)
        for step, (verdict, duration) in zip(event.steps, kept.steps, strict=True):
            verdict.value += 1
            if step.latency_ms is not None:
                duration.observe(step.latency_ms / 1000)

    def text(self) -> bytes:
        """Returns the exposition in Prometheus' text format."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """Yields one family per metric; called by the registry."""
        for kept in (
            *(
                self._requests,
                self._first_tokens,
                self._per_token,
                self._operations,
                self._tokens,
                self._calls,
            ),
            *(self._escalations, self._refusals, self._left, self._cost, self._priced_cost),
            self._priced_reference,
        ):
            yield kept.family()

    def _series_of(self, event: Event) -> _Series:
        # The ways that calls take are few: the series of each are looked up once. A verdict is told
        # by its identity, since the hash of an enum's member is computed in Python each time.
        way = (
            event.operation,
            event.route,
            event.requested_model,
            event.tier,
            event.model,
            event.error,
            tuple([(step.tier, step.model, id(step.verdict)) for step in event.steps]),
        )
        kept = self._ways.get(way)
        if kept is None:
            if len(self._ways) >= _WAYS_LIMIT:
                self._ways.clear()
            kept = self._ways[way] = self._looked_up(event)
        return kept

    def _looked_up(self, event: Event) -> _Series:
        route = event.route if event.route in self._routes else OTHER
        asked = event.requested_model if event.requested_model in self._routes else OTHER
        error = self._reasons.bounded(event.error) if event.error else ""
        provider = provider_of(event.tier, event.place, self._providers)
        answered = (event.operation, provider, asked, self._model(event.model))
        return _Series(
            request=self._requests.of(*answered, error),
            first_token=self._first_tokens.of(*answered),
            per_token=self._per_token.of(*answered),
            input_tokens=self._tokens.of(*answered, "input"),
            output_tokens=self._tokens.of(*answered, "output"),
            refused=self._refusals.of(error),
            escalated=self._escalations.of(route),
            left=(self._left.of(route, "false"), self._left.of(route, "true")),
            cost=self._cost.of(route, event.tier),
            priced_cost=self._priced_cost.of(route),
            priced_reference=self._priced_reference.of(route),
            steps=tuple(self._step_series(event.operation, route, asked, step) for step in event.steps),
        )

    def _step_series(self, operation: str, route: str, asked: str, step: Step) -> tuple[Tally, Buckets]:
        failed = "tier_failed" if step.verdict is Verdict.FAILED else ""
        provider = provider_of(step.tier, step.place, self._providers)
        return (
            self._calls.of(route, step.tier, step.verdict.value),
            self._operations.of(operation, provider, asked, self._model(step.model), failed),
        )

    def _model(self, name: str) -> str:
        return self._models.bounded(name) if name else ""
