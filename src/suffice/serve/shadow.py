"""A bundle asked beside the model in use, which goes on answering: what would change by a switch.

Nobody waits for the bundle, and nobody gets its answers: they are compared, counted and forgotten.
"""

from __future__ import annotations

import asyncio
import logging
import os
import statistics
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from suffice import files
from suffice.clock import Clock
from suffice.errors import ArtefactError
from suffice.serve.call import Call
from suffice.serve.errors import CallError, TierFailed
from suffice.serve.gateway import Walk
from suffice.serve.ports import Tier
from suffice.serve.reply import Outcome, closed
from suffice.serve.route import Route
from suffice.stats.intervals import IntervalBounds, betting

_log = logging.getLogger(__name__)
_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One call asked twice. `is_kept`: the bundle would have answered it; `is_same`: as the model in use did.

    `is_same` is None where the bundle passed the call up, or where no rule says when two answers are
    the same. Times in milliseconds; no contents.
    """

    call_id: str
    is_kept: bool
    is_same: bool | None
    model: str = ""
    confidence: float | None = None
    shadow_ms: float | None = None
    answer_ms: float | None = None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What `n` comparisons show; intervals hold at any time, however often one looks (`stats.betting`).

    `kept` is the share of calls that the bundle would have answered, `same` the share of these with the
    same answer, `changed` the share of all calls whose answer a switch would change. None where
    nothing was comparable.
    """

    n: int
    n_kept: int
    n_same: int
    kept: IntervalBounds | None
    same: IntervalBounds | None
    changed: IntervalBounds | None
    shadow_p50_ms: float | None
    answer_p50_ms: float | None


class ShadowBook:
    """Comparisons in a file of JSON lines, so that a shadow that is stopped goes on."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept: list[Comparison] = list(_read(file))

    def add(self, comparison: Comparison) -> None:
        """Keeps a comparison; the line is with the system when this returns.

        Raises:
            OutputError: the file cannot be written.
        """
        self._kept.append(comparison)
        with files.writable(self._file):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("ab", buffering=0) as file:
                file.write(orjson.dumps(comparison) + b"\n")

    def summary(self) -> Summary:
        """Returns what all comparisons so far show."""
        return summary_of(self._kept)


class Shadow:
    """A walk whose outcomes stay as they are, and are compared with what a bundle says to the same call.

    `same` says whether two answers are the same; None where the task has no such rule. At most 64
    calls wait for the bundle: what comes then is left out, and `left_out` counts it.
    """

    def __init__(
        self,
        walk: Walk,
        bundle: Tier,
        book: ShadowBook,
        *,
        clock: Clock,
        same: Callable[[str, str], bool] | None,
    ) -> None:
        self._walk = walk
        self._bundle = bundle
        self._book = book
        self._clock = clock
        self._same = same
        self._waiting: set[asyncio.Task[None]] = set()
        self.left_out = 0

    async def __call__(self, route: Route, call: Call) -> Outcome:
        """Returns the walk's outcome; the bundle is asked once the answer is known.

        Raises:
            CallError: as the walk.
        """
        began_s = self._clock.elapsed_s()
        outcome = await self._walk(route, call)
        if outcome.streaming is not None:
            outcome.streaming.pass_through(self._overheard(outcome.streaming.chunks, call, began_s))
        elif outcome.reply is not None and outcome.reply.text is not None:
            self._compare(call, outcome.reply.text, self._since_ms(began_s))
        return outcome

    async def settle(self) -> None:
        """Waits until every comparison under way is made."""
        await asyncio.gather(*self._waiting)

    async def _overheard(
        self, chunks: AsyncIterator[Mapping[str, Any]], call: Call, began_s: float
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Passes a stream on; one that came to its end is compared."""
        said: list[str] = []
        try:
            async for chunk in chunks:
                said.extend(_words(chunk))
                yield chunk
        finally:
            await closed(chunks)
        self._compare(call, "".join(said), self._since_ms(began_s))

    def _compare(self, call: Call, answer: str, answer_ms: float) -> None:
        if len(self._waiting) >= _AT_ONCE:
            self.left_out += 1
            return
        # The client has its answer: the call's deadline is no longer the bundle's.
        again = replace(call, stream=False, deadline_s=float("inf"))
        task = asyncio.get_running_loop().create_task(self._asked(again, answer, answer_ms))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _asked(self, call: Call, answer: str, answer_ms: float) -> None:
        began_s = self._clock.elapsed_s()
        try:
            reply = await self._bundle.answer(call)
        except (TierFailed, CallError) as error:
            _log.warning("the bundle did not answer call %s: %s", call.id, error.message)
            self.left_out += 1
            return
        is_kept = reply.text is not None and not reply.escalate
        is_same = None
        if is_kept and reply.text is not None and self._same is not None:
            is_same = self._same(reply.text, answer)
        self._book.add(
            Comparison(
                call_id=call.id,
                is_kept=is_kept,
                is_same=is_same,
                model=reply.model,
                confidence=None if reply.answer is None else reply.answer.confidence,
                shadow_ms=self._since_ms(began_s),
                answer_ms=answer_ms,
            )
        )

    def _since_ms(self, began_s: float) -> float:
        return (self._clock.elapsed_s() - began_s) * 1000.0


def summary_of(comparisons: Sequence[Comparison]) -> Summary:
    """Returns what comparisons, in the order in which they came, show."""
    kept = [one for one in comparisons if one.is_kept]
    judged = [one for one in kept if one.is_same is not None]
    comparable = judged or not kept
    changed = [float(one.is_same is False) for one in comparisons] if comparable else []
    shadow_ms = [one.shadow_ms for one in comparisons if one.shadow_ms is not None]
    answer_ms = [one.answer_ms for one in comparisons if one.answer_ms is not None]
    return Summary(
        n=len(comparisons),
        n_kept=len(kept),
        n_same=sum(one.is_same is True for one in judged),
        kept=_interval([float(one.is_kept) for one in comparisons]),
        same=_interval([float(one.is_same is True) for one in judged]),
        changed=_interval(changed),
        shadow_p50_ms=statistics.median(shadow_ms) if shadow_ms else None,
        answer_p50_ms=statistics.median(answer_ms) if answer_ms else None,
    )


def _interval(values: Sequence[float]) -> IntervalBounds | None:
    return betting(values) if values else None


def _words(chunk: Mapping[str, Any]) -> list[str]:
    """Returns what a chunk adds to the first answer: of a chat's delta, or of a completion's text."""
    for choice in chunk.get("choices") or ():
        if choice.get("index", 0) == 0:
            said = (choice.get("delta") or {}).get("content") or choice.get("text")
            return [said] if isinstance(said, str) else []
    return []


def _read(file: Path) -> list[Comparison]:
    """Returns the comparisons in a file; none where there is none. A torn last line is cut off.

    Raises:
        ArtefactError: a line is no comparison.
    """
    if not file.is_file():
        return []
    whole, _, torn = file.read_bytes().rpartition(b"\n")
    if torn:
        with files.writable(file):
            os.truncate(file, len(whole) + 1 if whole else 0)
    found = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            found.append(Comparison(**orjson.loads(line)))
        except (ValueError, TypeError) as error:
            raise ArtefactError(
                f"{file}:{number} is no comparison: {error}", hint="move the file away to begin anew"
            ) from error
    return found
