"""Finds names, and whatever else a model copies out of texts: an extraction model as a finder."""

import json
import re
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from suffice.bundle import as_read
from suffice.errors import ModelError, SpecError
from suffice.ports import Answer, Model, Request
from suffice.serve.privacy.find import Find
from suffice.serve.privacy.numbers import Tick
from suffice.serve.privacy.settings import NAME

_MOST = 320  # signs that are read together: one or a few sentences, as such models are trained on
_OVERLAP = 60  # where no sentence ends, so that no name is cut in two
_SHORT = 60  # signs of a value whose key says more than itself, and of such a key
_OF_THE_WIRE = frozenset(
    {"", "content", "text", "prompt", "input", "arguments", "description", "instructions", "suffix"}
)
# Names of tools and their arguments: in small letters, `with_signs`, `likeThis` or `LikeThis`.
_IDENTIFIER = re.compile(
    r"[a-z0-9_.:/-]*|[A-Za-z0-9]*_[A-Za-z0-9_]*|[a-z]+[A-Z][A-Za-z0-9]*|(?:[A-Z][a-z]{2,40}[0-9]{0,9}){2,9}"
)
_LETTER = re.compile(r"[^\W\d_]")
_ENDS = re.compile(r"(?:[.!?…]['\")\]]?\s|[。！？\n])")

_T = TypeVar("_T")


class ModelFinder:
    """Finds what a model fills its fields with (`finders.Finder`), each of the class it is mapped to."""

    def __init__(self, model: Model, fields: Mapping[str, str]) -> None:
        """Takes an extraction model, and the class of each field, dotted where one lies within another.

        Raises:
            SpecError: the model does not answer at once, in this thread.
            SufficeError: it cannot answer at all. That it passes a text up is no error yet.
        """
        self._model = model
        self._fields = dict(fields)
        self.classes = tuple(dict.fromkeys(self._fields.values()))
        self._asked("Is anyone there?")

    def find(self, text: str, key: str, tick: Tick) -> Iterator[Find]:
        """Returns where a text has values of the fields, piece by piece; a short value is read with its key.

        A single word in small letters, or as programs write names, is not looked at: tools are full of them.

        Raises:
            ModelError: the model does not answer, passes the text up, or returns what stands nowhere in it.
            Exception: what `tick` raises.
        """
        if _IDENTIFIER.fullmatch(text) is not None:
            return
        is_read_with_key = len(text) <= _SHORT and len(key) <= _SHORT and key not in _OF_THE_WIRE
        lead = f"{key}: " if is_read_with_key else ""
        for start, piece in pieces(lead + text):
            tick()
            if _LETTER.search(piece) is not None:
                for at, end, name in self._in(piece):
                    if start + end > len(lead):
                        yield Find(max(0, start + at - len(lead)), start + end - len(lead), name)

    def _in(self, piece: str) -> Iterator[Find]:
        for field, value in values_of(self._answered(piece)):
            name = self._fields.get(field)
            if name is None or not value.strip():
                continue
            found = list(_places(piece, value))
            if not found:
                raise ModelError("the model names what does not stand in the text")
            yield from (Find(start, start + len(value), name) for start in found)

    def _asked(self, text: str) -> Answer:
        return _at_once(self._model.answer([as_read(Request(text=text), chats=False)]))[0]

    def _answered(self, text: str) -> Any:
        """Returns the object that the model answers."""
        answer = self._asked(text)
        if answer.text is None or answer.notes:  # a note: it did not read all, or what it found did not fit
            raise ModelError("the model has no answer of its own to this text")
        try:
            return json.loads(answer.text)
        except ValueError as error:
            raise ModelError("the model's answer is no JSON") from error


def pieces(text: str) -> Iterator[tuple[int, str]]:
    """Returns a text in pieces that a model reads at a time, with where each begins; the last is the rest.

    Cut where a sentence or a line ends; else between words, some of which are read twice then.
    """
    start = 0
    while len(text) - start > _MOST:
        ends = [match.end() for match in _ENDS.finditer(text, start + _MOST // 3, start + _MOST)]
        if ends:
            yield start, text[start : ends[-1]]
            start = ends[-1]
            continue
        blank = text.rfind(" ", start + _MOST // 3, start + _MOST)
        end = blank if blank > 0 else start + _MOST
        yield start, text[start:end]
        again = text.find(" ", end - _OVERLAP, end)
        start = again + 1 if again > 0 else end - _OVERLAP
    yield start, text[start:]


def values_of(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Returns every text in an object with the dotted name of its field; those of lists under the list's."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from values_of(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from values_of(inner, path)


def text_fields(schema: Any, path: str = "") -> Iterator[str]:
    """Returns the fields of a JSON Schema that are free text, dotted; what is chosen from a list is none."""
    if not isinstance(schema, Mapping) or "enum" in schema or "const" in schema:
        return
    properties, items, kind = schema.get("properties"), schema.get("items"), schema.get("type")
    if isinstance(properties, Mapping):
        for name, inner in properties.items():
            yield from text_fields(inner, f"{path}.{name}" if path else name)
    elif items is not None:
        yield from text_fields(items, path)
    elif path and (kind is None or "string" in kind):
        yield path


def mapped(fields: Mapping[str, str], known: Iterable[str]) -> dict[str, str]:
    """Returns the class by field: as it is given, or `name` for every known field where nothing is given.

    Raises:
        SpecError: there is no such field, or no field at all.
    """
    known = tuple(dict.fromkeys(known))
    if not known:
        raise SpecError("privacy.names.bundle: its answers have no field of free text")
    for field in fields:
        if field not in known:
            raise SpecError(
                f"privacy.names.fields: the bundle has no field {field!r} of free text",
                hint=f"it has {', '.join(known)}",
            )
    return dict(fields) or dict.fromkeys(known, NAME)


def _places(text: str, value: str) -> Iterator[int]:
    """Returns where a value stands: as whole words, or anywhere where it is nowhere a whole word."""
    places = []
    place = text.find(value)
    while place >= 0:
        places.append(place)
        place = text.find(value, place + len(value))
    whole = [
        at
        for at in places
        if not text[at - 1 : at].isalnum() and not text[at + len(value) : at + len(value) + 1].isalnum()
    ]
    return iter(whole or places)


def _at_once(work: Coroutine[Any, Any, _T]) -> _T:
    """Returns what a coroutine returns that waits for nothing.

    Raises:
        SpecError: it waits: for a thread of its own, a process, a server.
    """
    try:
        work.send(None)
    except StopIteration as ended:
        result: _T = ended.value
        return result
    work.close()
    raise SpecError(
        "privacy.names.bundle: its model does not answer in this process at once",
        hint="use a bundle whose only rung is a tagger",
    )
