"""What one body asks, whichever API it came by, and how that API's bodies are read and written."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from suffice.ports import Request
from suffice.serve.call import Call, Operation
from suffice.serve.decision import Questions
from suffice.serve.errors import CallError
from suffice.serve.reply import Reply
from suffice.serve.wire.about import About

Json = Mapping[str, Any]


@dataclass(kw_only=True, slots=True)
class Asked:
    """One body that was read and found sound.

    `system_prompt` is the text of the system turn, None where there is none. The other fields go
    into the `Call` as they are.
    """

    model: str
    body: Json
    request: Request
    system_prompt: str | None = None
    stream: bool = False
    answer_schema: Json | None = None
    needs: frozenset[str] = frozenset()
    questions: Questions | None = None


class EventWriter(Protocol):
    """Writes the events of one stream, in the API's own form, from chunks as servers send them."""

    def take(self, chunk: Json) -> bytes:
        """Returns the bytes of what a chunk adds; they may be none."""
        ...

    def end(self) -> bytes:
        """Returns the last bytes of a stream that came to its end."""
        ...

    def broken(self, error: CallError) -> bytes:
        """Returns the last bytes of one that did not."""
        ...


@dataclass(frozen=True, slots=True)
class StreamForm:
    """How an API streams: `parts` makes the chunks of a whole reply, `events` what writes chunks down.

    `events` is given the served model's name; `created` is in seconds since 1970.
    """

    parts: Callable[[Call, Reply, int], Iterator[dict[str, Any]]]
    events: Callable[[Call, About, str, int], EventWriter]


@dataclass(frozen=True, kw_only=True, slots=True)
class Api:
    """One endpoint that asks models: how its bodies become calls, and replies its bodies.

    `read` raises BadCall for a body that cannot be used. `whole` makes the JSON object of a reply;
    `created` is in seconds since 1970. `stream` is None where the API knows no streams. `abstained`
    makes the JSON object of a call whose answer no tier can be trusted with, where the API has words for
    that; None: it is an error. `is_for_people`: a person's answer, later, is one.
    """

    operation: Operation
    read: Callable[[Json], Asked]
    whole: Callable[[Call, Reply, int], dict[str, Any]]
    stream: StreamForm | None = None
    abstained: Callable[[Call], dict[str, Any]] | None = None
    is_for_people: bool = True
