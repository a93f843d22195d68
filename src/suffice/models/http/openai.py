"""A model behind any OpenAI-compatible server: OpenAI, Mistral, Ollama, vLLM, LM Studio, llama.cpp ..."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from suffice import fingerprint
from suffice.clock import Clock, SystemClock
from suffice.errors import ArtefactError, BudgetExceeded, ModelError, SpecError
from suffice.models import artefact
from suffice.models.http import chat
from suffice.models.http.endpoint import OFFLINE_SWITCH, Endpoint, Waiting, is_offline
from suffice.models.http.spend import Price, SpendAccount, TokenEstimator, estimate_usd
from suffice.models.http.transport import CallFailed, Sleep, Transport
from suffice.ports import Answer, Request, Usage

# So many failures in a row, and the rest of a batch is not asked: waiting for each one's time to
# run out would take hours where a server is down.
_GIVE_UP_AFTER = 8


@dataclass(slots=True)
class _Batch:
    """How far one batch has come."""

    answers: list[Answer | None]
    heard: Callable[[Request, Answer], None] | None
    failures: list[ModelError] = field(default_factory=list)
    in_a_row: int = 0
    stopped: str = ""
    refused: BudgetExceeded | None = None

    def fail(self, failure: CallFailed) -> None:
        self.failures.append(failure)
        self.in_a_row += 1
        if failure.hopeless or self.in_a_row >= _GIVE_UP_AFTER:
            self.stopped = failure.message


class OpenAIModel:
    """Asks a server, several requests at a time, under a spend cap.

    A request that fails gives an answer with its `error`; the others are not lost. Nothing is
    asked of another machine when offline, and nothing that costs money without a cap.
    """

    simulated = False

    def __init__(  # noqa: PLR0913 - the last three are seams for tests and shared accounts
        self,
        endpoint: Endpoint,
        *,
        name: str | None = None,
        labels: Sequence[str] = (),
        account: SpendAccount | None = None,
        offline: bool = False,
        clock: Clock | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._endpoint = endpoint
        self._name = name or endpoint.model
        self._labels = tuple(labels)
        self._account = account or SpendAccount(cap_usd=None)
        self._offline = offline
        self._clock = clock or SystemClock()
        self._transport = Transport(endpoint, sleep=sleep)
        self._tokens = TokenEstimator()

    @classmethod
    def load(cls, folder: Path, *, account: SpendAccount | None = None) -> Self:
        """Returns the model whose endpoint a folder names; without an account a priced one is refused.

        Raises:
            ArtefactError: the settings are damaged.
        """
        settings: dict[str, Any] = dict(artefact.unseal(folder).settings)
        try:
            given = dict(settings["endpoint"])
            price = None if given["price"] is None else Price(**given["price"])
            endpoint = Endpoint(**{**given, "price": price, "waiting": Waiting(**given["waiting"])})
            return cls(endpoint, name=settings["name"], labels=settings["labels"], account=account)
        except (KeyError, TypeError, ValueError, SpecError) as error:
            raise ArtefactError(f"{folder}: the endpoint's settings are damaged: {error!r}") from error

    def seal(self, folder: Path) -> artefact.Artefact:
        """Returns the artefact of this endpoint, written into an empty folder; it holds no key."""
        settings = {"name": self._name, "labels": self._labels, "endpoint": asdict(self._endpoint)}
        return artefact.seal(folder, kind="openai", settings=settings)

    @property
    def name(self) -> str:
        """Returns the name it was given, or the server's name of the model."""
        return self._name

    @property
    def identity(self) -> str:
        """Returns the sha256 of all that an answer depends on: equal ones need not be asked for again."""
        asked = self._endpoint
        return fingerprint.of_value(
            (
                (asked.url, asked.model, asked.prompt, asked.max_output_tokens),
                (asked.temperature, asked.seed, asked.logprobs, self._labels),
            )
        )

    def estimate_usd(self, requests: Sequence[Request]) -> float:
        """Returns what asking these would cost at most, by estimated tokens; 0 where it is free."""
        price = self._endpoint.price
        if price is None:
            return 0.0
        limit = chat.output_limit(self._endpoint, self._labels)
        return estimate_usd([self._input_tokens(r) for r in requests], output_tokens=limit, price=price)

    def check_allowed(self, requests: Sequence[Request]) -> None:
        """Refuses requests that may not be asked, all of them together, before any is paid for.

        Call it with everything that will be asked: `answer` can only judge the batch it is given.

        Raises:
            ModelError: the server is elsewhere and suffice is offline, or the key is missing.
            BudgetExceeded: the spend cap is missing or would be passed, or the price is not known.
        """
        endpoint = self._endpoint
        if is_offline(asked=self._offline) and not endpoint.is_loopback:
            raise ModelError(
                f"{self._name}: {endpoint.host} is not on this machine, and suffice is offline",
                hint=f"leave out --offline (or unset {OFFLINE_SWITCH}) to ask it",
            )
        endpoint.api_key()
        if endpoint.price is None and not endpoint.is_loopback:
            raise BudgetExceeded(
                f"{self._name}: what {endpoint.host} charges is not known, so no cap can be kept",
                hint="give usd_per_1m_input and usd_per_1m_output (0 where it is free)",
            )
        if estimate := self.estimate_usd(requests):
            self._account.check(estimate, what=f"asking {self._name} {len(requests)} times")

    def hold(self, requests: Sequence[Request]) -> float:
        """Returns the dollars set aside for asking these; `release` gives them back.

        Raises:
            BudgetExceeded: the cap is missing or would be passed.
        """
        if estimate := self.estimate_usd(requests):
            self._account.reserve(estimate, what=f"asking {self._name} {len(requests)} times")
        return estimate

    def release(self, usd: float) -> None:
        """Gives back what `hold` set aside."""
        self._account.settle(reserved_usd=usd, spent_usd=0.0)

    async def answer(
        self, requests: Sequence[Request], *, heard: Callable[[Request, Answer], None] | None = None
    ) -> list[Answer]:
        """Returns one answer per request, asked with bounded concurrency.

        `heard` is told each answer as soon as it has come, so that a kill loses none that is paid.

        Raises:
            ModelError: not one request was answered, or the server may not be asked.
            BudgetExceeded: the batch would pass the spend cap, or there is none: nothing was asked. Or
                usage ran above the estimate, and `heard` has what is paid for; without `heard` the
                requests that were not asked come back with an error instead.
        """
        if not requests:
            return []
        self.check_allowed(requests)
        batch = _Batch(answers=[None] * len(requests), heard=heard)
        queue = iter(range(len(requests)))
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._endpoint.concurrency, len(requests))):
                group.create_task(self._work(requests, queue, batch))
        if batch.refused is not None and heard is not None:
            raise batch.refused
        if len(batch.failures) and all(a is None or a.error is not None for a in batch.answers):
            raise batch.failures[0]
        return [answer or self._unasked(batch.stopped) for answer in batch.answers]

    async def close(self) -> None:
        """Closes the connections."""
        await self._transport.close()

    async def _work(self, requests: Sequence[Request], queue: Iterator[int], batch: _Batch) -> None:
        """Answers requests from the queue until it is empty or the batch is stopped."""
        for index in queue:
            if batch.stopped:
                return
            try:
                answer = batch.answers[index] = await self._ask(requests[index])
                batch.in_a_row = 0
                if batch.heard is not None:
                    batch.heard(requests[index], answer)
            except CallFailed as failure:
                batch.answers[index] = Answer(text=None, tier=self._name, error=failure.message)
                batch.fail(failure)
            except BudgetExceeded as refused:  # usage ran above the estimate: what is paid for is kept
                batch.stopped, batch.refused = refused.message, refused

    async def _ask(self, request: Request) -> Answer:
        estimate = self.estimate_usd([request])
        if estimate:
            self._account.reserve(estimate, what=f"asking {self._name}")
        spent = estimate
        try:
            start_s = self._clock.elapsed_s()
            reply = self._read(await self._transport.post(self._body(request)))
            latency_ms = (self._clock.elapsed_s() - start_s) * 1e3
            self._tokens.see(self._sent_bytes(request), reply.usage)
            spent = self._cost_usd(reply.usage, estimate)
        except CallFailed as failure:
            spent = estimate if failure.billed else 0.0
            raise
        finally:
            self._account.settle(reserved_usd=estimate, spent_usd=spent)
        return Answer(
            text=reply.text,
            confidence=reply.confidence,
            usage=reply.usage,
            latency_ms=latency_ms,
            tier=self._name,
            notes=reply.notes,
        )

    def _body(self, request: Request) -> dict[str, Any]:
        messages = self._messages(request)
        return chat.body_of(self._endpoint, messages, limit=chat.output_limit(self._endpoint, self._labels))

    def _read(self, payload: Mapping[str, Any]) -> chat.Reply:
        reply = chat.read_reply(payload, self._labels)
        if reply is None:
            message = f"{self._endpoint.host}'s reply is no chat completion: {_shape(payload)}"
            raise CallFailed(message, billed=True)
        return reply

    def _sent_bytes(self, request: Request) -> int:
        return sum(len(m["content"].encode()) for m in self._messages(request))

    def _messages(self, request: Request) -> list[dict[str, str]]:
        return chat.messages_of(request, self._labels, prompt=self._endpoint.prompt)

    def _input_tokens(self, request: Request) -> int:
        return self._tokens.input_tokens(self._sent_bytes(request), messages=max(2, len(request.messages)))

    def _cost_usd(self, usage: Usage, estimate: float) -> float:
        """Returns a call's cost by its stated usage, or the estimate where it states none."""
        price = self._endpoint.price
        if price is None or usage.input_tokens is None or usage.output_tokens is None:
            return estimate
        return price.cost_usd(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)

    def _unasked(self, why: str) -> Answer:
        return Answer(text=None, tier=self._name, error=f"not asked: {why}")


def _shape(payload: Mapping[str, Any]) -> str:
    """Returns the names in a reply's top level, which tell a wrong server from a broken one."""
    error = payload.get("error")
    names = ", ".join(sorted(map(repr, payload))[:8])
    return f"it holds {names}" + (f", and the error {str(error)[:120]!r}" if error else "")
