"""A certified bundle as a tier: its whole cascade is one model, asked in micro-batches."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from suffice.bundle import as_read
from suffice.cascade import REFERENCE, Cascade
from suffice.clock import Clock
from suffice.errors import SufficeError
from suffice.ports import Answer, Request
from suffice.readers.spec import Spec
from suffice.serve.call import Call, Operation
from suffice.serve.decision import Questions
from suffice.serve.errors import CallError, TierFailed
from suffice.serve.reply import Place, Reply
from suffice.serve.tiers.bundles.batching import Load
from suffice.serve.tiers.bundles.certified import Certified
from suffice.serve.tiers.bundles.explanation import Explanation
from suffice.serve.tiers.bundles.reload import Reloaded, Reloading
from suffice.serve.tiers.bundles.serving import BundleSettings, Serving, open_serving

_log = logging.getLogger(__name__)
_DECISIONS = frozenset({Operation.DECISION, Operation.SYSTEM_ONE})
_ANSWERED = frozenset({Operation.CHAT, Operation.COMPLETION}) | _DECISIONS


class BundleTier:
    """Answers as the certified system does, byte for byte (decision 0015).

    A reply escalates where the bundle's own rule passes the request up, where its model failed on it, e.g.
    because the text does not fit its context, and where what it said is no answer to the task. Texts are
    never cut by the tier. Token counts are the rungs' own: None where one has no tokenizer, which is
    then not known, and not 0.
    """

    def __init__(self, settings: BundleSettings, first: Serving, *, clock: Clock | None = None) -> None:
        self._settings = settings

        async def open_next() -> Serving:
            return await open_serving(settings, clock=clock)

        self._reloading = Reloading(first, open_next, clock=clock)

    @classmethod
    async def opened(cls, settings: BundleSettings, *, clock: Clock | None = None) -> Self:
        """Returns the tier of a run folder.

        Raises:
            NotCertified: there is no certificate that holds.
            ArtefactError: the bundle's bytes are not those that were certified, or are damaged.
            MissingExtra: a rung needs a package that is not installed.
            OutputError: the bytes cannot be copied.
        """
        return cls(settings, await open_serving(settings, clock=clock), clock=clock)

    @property
    def name(self) -> str:
        """Returns the name the site gives it."""
        return self._settings.name

    @property
    def place(self) -> Place:
        """Returns LOCAL, or REMOTE where one of the bundle's rungs asks a server."""
        return self._reloading.current.place

    @property
    def certified(self) -> Certified:
        """Returns what is known of the bundle that serves now."""
        return self._reloading.current.certified

    @property
    def cascade(self) -> Cascade:
        """Returns the rungs of the bundle that serves now, with their thresholds."""
        return self._reloading.current.cascade

    @property
    def spec(self) -> Spec:
        """Returns the task file's keys: its kind, and for extract the schema of answers."""
        return self._reloading.current.spec

    @property
    def labels(self) -> tuple[str, ...]:
        """Returns the labels it chooses from, () where its task is no choice among labels."""
        return self._reloading.current.labels

    @property
    def answer_schema(self) -> Mapping[str, Any] | None:
        """Returns the JSON Schema that its answers fit, None where it does not extract."""
        return self._reloading.current.answer_schema

    @property
    def load(self) -> Load:
        """Returns how many requests wait and what was answered since the bundle was opened."""
        return self._reloading.current.batcher.load

    @property
    def last_reload(self) -> Reloaded | None:
        """Returns what became of the last reload; None before the first."""
        return self._reloading.last

    async def answer(self, call: Call) -> Reply:
        """Returns the bundle's reply; cancelling takes the call out of the queue.

        Raises:
            TierFailed: it asks for what no bundle has (tools, images, several answers), the model failed, or
                the time was up before its turn.
            LimitReached: the queue is full.
        """
        if why := _beyond(call):
            raise TierFailed(f"{self.name} {why}")
        serving = self._reloading.current
        if call.local_only and serving.place is not Place.LOCAL:
            # The bundle may have been swapped after the call was found to be allowed here.
            raise TierFailed(f"{self.name} asks a server, and the call must stay on this machine")
        if call.masked_body is not None and serving.place is not Place.LOCAL:
            raise TierFailed(f"{self.name} asks a server, and reads the call as it is, not masked")
        request = as_read(call.request, chats=serving.reads_chats)
        if call.questions is not None:
            if call.questions.is_hopeless(serving.labels):
                return self._other_question(call.questions, serving)
            request = replace(request, wants_probabilities=True)
        try:
            answer = await serving.batcher.ask(request, owner=call.caller.key_id, deadline_s=call.deadline_s)
        except (CallError, TierFailed):
            raise
        except SufficeError as error:
            raise TierFailed(f"{self.name}: {error.message}") from error
        except Exception as error:
            # A model is foreign code: whatever it raises is a failure of this tier, not of the gateway.
            _log.exception("%s failed", self.name)
            raise TierFailed(f"{self.name}: the model failed: {type(error).__name__}") from error
        reply = self._reply(answer, serving)
        if call.questions is None or answer.text is None:
            return reply
        return replace(reply, doubt=call.questions.misfit([label for label, _ in answer.probabilities]))

    async def stream(self, call: Call) -> Reply:
        """Returns the whole reply: the certified rule judges whole answers.

        Raises:
            TierFailed, LimitReached: as `answer`.
        """
        return await self.answer(call)

    async def explain(self, request: Request) -> Explanation:
        """Returns what every rung says to a request, and why.

        Raises:
            SufficeError: the model cannot be asked.
        """
        serving = self._reloading.current
        if serving.place is not Place.LOCAL:  # nobody has looked whether the text may leave
            raise TierFailed(f"{self.name} asks a server: its reasons cannot be told without asking again")
        return await serving.engine.explain(as_read(request, chats=serving.reads_chats))

    async def reload(self) -> Reloaded:
        """Returns what became of opening the run folder's bundle again; no request is lost by it."""
        return await self._reloading.reload()

    async def watch(self, *, every_s: float = 5.0) -> None:
        """Reloads whenever the run folder has changed, until it is cancelled."""
        await self._reloading.watch(every_s=every_s)

    async def close(self) -> None:
        """Releases what it holds, after what it is answering; twice is harmless."""
        await self._reloading.close()

    def _other_question(self, questions: Questions, serving: Serving) -> Reply:
        """Returns the reply to questions that are not the bundle's: no answer, and what it can be asked."""
        return Reply(
            tier=self.name,
            place=serving.place,
            model=serving.cascade.name,
            text="",
            doubt=questions.misfit(serving.labels),
        )

    def _reply(self, answer: Answer, serving: Serving) -> Reply:
        return Reply(
            tier=self.name,
            place=serving.place,
            model=answer.tier or serving.cascade.name,
            text=answer.text,
            escalate=answer.text is None,
            why="" if answer.text is not None else _why(answer, serving),
            answer=answer,
            usage=answer.usage,
            cost_usd=0.0 if serving.place is Place.LOCAL else None,
            certificate=serving.certified.sha256,
        )


def _why(answer: Answer, serving: Serving) -> str:
    """Returns why there is no answer, in words."""
    if answer.error is not None:
        return answer.error
    if not answer.escalated:
        return "; ".join(answer.notes) or "what the model said is no answer to the task"
    rule = ", ".join(
        f"{tier.model} {tier.threshold:.3f}" for tier in serving.cascade.tiers if tier.threshold is not None
    )
    kind = "certified threshold" if serving.certified.is_valid else "threshold"
    notes = "".join(f"; {note}" for note in answer.notes)
    return f"below the {kind} ({rule}): the {REFERENCE} is to answer{notes}"


def _beyond(call: Call) -> str:
    """Returns what a call asks for that a bundle does not have; "" for nothing."""
    body = call.body
    if call.operation not in _ANSWERED:
        return f"is a bundle, which does not do {call.operation.value}"
    if body.get("tools") and body.get("tool_choice") != "none":
        return "is a bundle, which calls no tools"
    if body.get("functions") and body.get("function_call") != "none":
        return "is a bundle, which calls no functions"
    if any(kind != "text" for kind in _sequence(body.get("modalities"))):
        return "is a bundle, which answers in text alone"
    if (body.get("n") or 1) != 1:
        return "is a bundle, which gives one answer to a request, not several"
    if any(_has_media(message) for message in _sequence(body.get("messages"))):
        return "is a bundle, which reads texts alone"
    return ""


def _has_media(message: Any) -> bool:
    content = message.get("content") if isinstance(message, Mapping) else None
    return not isinstance(content, str) and any(
        isinstance(part, Mapping) and part.get("type") not in {"text", "refusal"}
        for part in _sequence(content)
    )


def _sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
