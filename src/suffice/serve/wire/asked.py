"""What one body asks, whichever API it came by, and how that API's bodies are read and written."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from suffice.ports import Request
from suffice.serve.call import Call, Operation
from suffice.serve.decision import Questions
from suffice.serve.reply import Reply

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Api:
    """One endpoint that asks models: how its bodies become calls, and replies its bodies.

    `read` raises BadCall for a body that cannot be used. `whole` makes the JSON object of a reply;
    `created` is in seconds since 1970. `parts` makes the chunks of a whole reply where the client
    wants a stream; None where the API knows no streams. `abstained` makes the JSON object of a call whose
    answer no tier can be trusted with, where the API has words for that; None: it is an error.
    `is_for_people`: a person's answer, later, is one.
    """

    operation: Operation
    read: Callable[[Json], Asked]
    whole: Callable[[Call, Reply, int], dict[str, Any]]
    parts: Callable[[Call, Reply, int], Iterator[dict[str, Any]]] | None = None
    abstained: Callable[[Call], dict[str, Any]] | None = None
    is_for_people: bool = True
