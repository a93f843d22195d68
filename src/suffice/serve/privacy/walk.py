"""Goes through a request's JSON: every text a client sends, names too, and what texts of JSON hold."""

import json
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# What the wire formats themselves name: no client's data.
_PARTS = frozenset({"text", "input_text", "output_text", "refusal"})
_PARTS_DEPTH = 3  # messages, message, content
_API_KEYS = frozenset(
    [
        "arguments",
        "audio",
        "choices",
        "content",
        "criteria",
        "custom",
        "description",
        "enum",
        "file",
        "file_data",
        "filename",
        "format",
        "function",
        "id",
        "image_url",
        "input",
        "input_audio",
        "instructions",
        "items",
        "json_schema",
        "labels",
        "levels",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "n",
        "name",
        "object",
        "parameters",
        "parts",
        "prompt",
        "properties",
        "questions",
        "refusal",
        "required",
        "response_format",
        "role",
        "schema",
        "seed",
        "state",
        "stop",
        "stream",
        "stream_options",
        "strict",
        "suffix",
        "temperature",
        "text",
        "tool_call_id",
        "tool_calls",
        "tool_choice",
        "tools",
        "top_p",
        "type",
        "url",
        "user",
        "value",
        "version",
    ]
)
_BLOBS = frozenset({"data", "file_data"})
_BASE64 = (string.ascii_letters + string.digits + "+/_-").encode()
_PADDING = 2  # at most so many "="
_HEAD = 64  # signs; shorter ones are read as text
_BIG = 1_000_000  # a number from here on may be somebody's
_LISTED_MOST, _FEW_GROUPS, _GROUP_DIGITS = 24, 8, 6  # of a number that is written as a list
_LOOK_EVERY = 1024  # values, between two looks at the clock


def _no_tick() -> None:
    """Knows no limit of time."""


class TooMuch(Exception):  # noqa: N818 - reads as what it is where it is caught
    """A request that is deeper or longer than is looked through."""


class Leaf(NamedTuple):
    """A text of a request; `key` is the name it stands under. A number is a text that cannot be masked."""

    text: str
    key: str
    is_number: bool = False


@dataclass(slots=True)
class Leaves:
    """What a request's JSON holds: its texts, and how many parts cannot be read."""

    depth_limit: int
    characters_limit: int
    tick: Callable[[], None] = _no_tick
    texts: list[Leaf] = field(default_factory=list)
    unreadable: int = 0
    characters: int = 0
    values: int = 0

    def take(self, body: Mapping[str, Any]) -> None:
        """Takes in a whole request.

        Raises:
            TooMuch: it is over a limit.
            Exception: what `tick` raises, which is called now and then.
        """
        for key, value in body.items():
            if key not in _API_KEYS:
                self._add(key, "")
            if key in {"prompt", "input"} and _are_tokens(value):
                self.unreadable += 1
            elif key != "model":  # no server is sent the client's
                self._walk(value, key, 1)

    def _walk(self, value: Any, key: str, depth: int) -> None:
        """Takes in one value and what is below it."""
        if depth > self.depth_limit:
            raise TooMuch
        self.values += 1
        if not self.values % _LOOK_EVERY:
            self.tick()
        if isinstance(value, str):
            self._text(value, key, depth)
        elif isinstance(value, dict):
            for name, below in value.items():
                if name not in _API_KEYS:
                    self._add(name, key)
                self._walk(below, name, depth + 1)
        elif isinstance(value, list):
            self._list(value, key, depth)
        else:
            self._number(value, key)

    def _list(self, values: list[Any], key: str, depth: int) -> None:
        """Takes in a list, also as the one number that its values may be together."""
        digits = _listed_digits(values)
        if digits is not None:
            self._add(digits, key, is_number=True)
        for each in values:
            if depth == _PARTS_DEPTH and key == "content" and _is_foreign(each):
                self.unreadable += 1
            self._walk(each, key, depth + 1)

    def _number(self, value: Any, key: str) -> None:
        """Takes in what is no text: a number's digits, where they may be somebody's."""
        digits = _as_digits(value)
        if digits is not None:
            self._add(digits, key, is_number=True)

    def _text(self, text: str, key: str, depth: int) -> None:
        """Takes in a text, or what it holds where it is JSON itself."""
        if is_blob(text, key):
            self.unreadable += 1
            return
        self._count(text)  # before it is decoded, which takes a while for long ones
        within = decoded(text)
        if within is None:
            self.texts.append(Leaf(text, key))
        else:
            self.tick()
            self._walk(within, key, depth + 1)

    def _add(self, text: str, key: str, *, is_number: bool = False) -> None:
        """Keeps one text."""
        self._count(text)
        self.texts.append(Leaf(text, key, is_number))

    def _count(self, text: str) -> None:
        """Adds up what has been taken in."""
        self.characters += len(text)
        if self.characters > self.characters_limit:
            raise TooMuch


def rebuilt(value: Any, changed: Callable[[str], str], *, key: str = "") -> Any:
    """Returns a request's JSON with its texts and names changed; texts that are JSON stay JSON."""
    if isinstance(value, str):
        if is_blob(value, key):
            return value
        within = decoded(value)
        if within is None:
            return changed(value)
        other = rebuilt(within, changed, key=key)
        return value if other == within else json.dumps(other, ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, dict):
        return {changed(name): rebuilt(below, changed, key=name) for name, below in value.items()}
    if isinstance(value, list):
        return [rebuilt(each, changed, key=key) for each in value]
    return value


def is_blob(text: str, key: str) -> bool:
    """Says whether a text is nothing but a picture, sound or file in base64, which cannot be read here."""
    if text[:5].lower() == "data:":
        start = text[:_HEAD].lower().find(";base64,")
        return start > 0 and _is_base64(text[start + len(";base64,") :])
    return key in _BLOBS and len(text) > _HEAD and _is_base64(text)


def _is_base64(text: str) -> bool:
    """Says whether a text is nothing but base64, with or without its padding; 16 MB in 30 ms."""
    if not text.isascii():
        return False
    raw = text.encode()
    signs = raw.rstrip(b"=")
    return bool(signs) and len(raw) - len(signs) <= _PADDING and not signs.translate(None, _BASE64)


def decoded(text: str) -> Any:
    """Returns the object or list that a text is the JSON of, None where it is none.

    A name that is given twice makes it none: what is read here must be all that the receiver can read.
    """
    start = text.lstrip(" \t\r\n")[:1] if text[:1] in " \t\r\n" else text[:1]
    if not start or start not in "{[":
        return None
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refused)
    except (ValueError, RecursionError):
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Returns an object; refuses one that gives a name twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice")
    return found


def _refused(constant: str) -> float:
    """Refuses what is no JSON: NaN and Infinity."""
    raise ValueError(constant)


def _is_foreign(part: Any) -> bool:
    """Says whether a part of a message is no text: a picture, sound, a file, or something new."""
    return isinstance(part, dict) and part.get("type") not in _PARTS


def _are_tokens(value: Any) -> bool:
    """Says whether a prompt or input holds the numbers of tokens: no text that could be looked through."""
    if not isinstance(value, list):
        return False
    kinds = set(map(type, value))  # a sixth of a look at each one
    if not kinds.isdisjoint((int, float, bool)):
        return True
    return list in kinds and any(_are_tokens(each) for each in value)


def _listed_digits(values: list[Any]) -> str | None:
    """Returns the digits of a list that may be one number: digit by digit, or a few groups of them."""
    if not 3 <= len(values) <= _LISTED_MOST or not all(map(_is_group, values)):
        return None
    groups = [str(value) for value in values]
    is_number = len(values) > _FEW_GROUPS and all(len(group) == 1 for group in groups)
    return " ".join(groups) if is_number or len(values) <= _FEW_GROUPS else None


def _is_group(value: Any) -> bool:
    """Says whether a value is a few digits."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return False
    text = str(value)
    return 0 < len(text) <= _GROUP_DIGITS and text.isascii() and text.isdigit()


def _as_digits(value: Any) -> str | None:
    """Returns a number's digits where it is large enough to be somebody's."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and abs(value) >= _BIG:
        return str(abs(value))
    return None
