"""What a decoder reads before its answer, and how an answer is written: one text for training and serving."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self

from suffice.errors import ArtefactError
from suffice.models import chat_template
from suffice.ports import Request
from suffice.task import JsonValue, Kind

Style = Literal["plain", "chat"]

# Between the document and the answer in the plain style; a model trained from scratch learns it as its cue.
PLAIN_MARK = "\n=>\n"
_BETWEEN_SHOTS = "\n\n"
# Stand-ins for texts while a template is rendered: private-use characters, which no template writes.
_STAND_IN = "\ue0f0{index}\ue0f1"
_STAND_INS = re.compile("\ue0f0(\\d+)\ue0f1")

_WORDS = {
    Kind.CLASSIFY: "Classify the text. Answer with exactly one of these labels, and with nothing else:",
    Kind.EXTRACT: "Extract what the text says as JSON of this schema. Answer with JSON alone:",
    Kind.GENERATE: "Answer the text.",
    Kind.RANK: "Rank the choices by how well they answer the text, best first.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A piece of a prompt. In `is_markup` the model's control tokens count; elsewhere they are mere text.

    Each piece is turned into tokens for itself, on both sides of training and serving. So a user's
    "<|im_end|>" ends nothing, and the prefix's tokens are the same before every document.
    """

    text: str
    is_markup: bool


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """How a task is put to a decoder.

    `style` "plain" is for models trained on the task itself: document, mark, answer. "chat" renders
    `chat_template` (None: ChatML) with `bos` and `eos`. `instruction` is said first, as it stands (see
    `instruction_of`); `shots` are (input, answer) pairs shown before the document. `codes` are (label,
    code) pairs where labels are answered by short codes. `schema` gives the order of an extracted
    value's keys.
    """

    style: Style = "plain"
    instruction: str = ""
    shots: tuple[tuple[str, str], ...] = ()
    chat_template: str | None = None
    bos: str = ""
    eos: str = ""
    codes: tuple[tuple[str, str], ...] = ()
    schema: Mapping[str, Any] | None = None

    def prefix_parts(self) -> tuple[Part, ...]:
        """Returns the pieces before the document: the same for all requests.

        Raises:
            ArtefactError: the chat template cannot be rendered, or leaves the document out.
        """
        return self._frame[0]

    def prefix(self) -> str:
        """Returns the text before the document: the same for all requests."""
        return "".join(part.text for part in self.prefix_parts())

    def document(self, request: Request) -> str:
        """Returns the request's text as it is read: without space around it, and valid as UTF-8."""
        return sendable(request.text.strip())

    def suffix(self) -> str:
        """Returns what comes between the document and the answer."""
        return self._frame[1]

    def parts(self, request: Request) -> tuple[Part, ...]:
        """Returns the whole prompt's pieces in order; each is turned into tokens for itself."""
        document = Part(text=self.document(request), is_markup=False)
        return (*self.prefix_parts(), document, Part(text=self.suffix(), is_markup=True))

    def render(self, request: Request) -> str:
        """Returns the whole text before the answer: prefix, document, suffix."""
        return self.prefix() + self.document(request) + self.suffix()

    def answer_text(self, target: JsonValue) -> str:
        """Returns how an answer is written: a label or its code, canonical JSON, or the text as it is."""
        if self.schema is not None:
            return canonical_json(target, self.schema)
        if isinstance(target, str):
            return sendable(dict(self.codes).get(target, target))
        return canonical_json(target, {})

    def to_json(self) -> dict[str, Any]:
        """Returns the prompt as JSON, for an artefact's settings."""
        return {
            "style": self.style,
            "instruction": self.instruction,
            "shots": [list(shot) for shot in self.shots],
            "chat_template": self.chat_template,
            "bos": self.bos,
            "eos": self.eos,
            "codes": [list(pair) for pair in self.codes],
            "schema": None if self.schema is None else dict(self.schema),
        }

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Returns the prompt that `to_json` wrote.

        Raises:
            ArtefactError: a field is missing, unknown, or of another type.
        """
        match value:
            case {
                "style": "plain" | "chat" as style,
                "instruction": str() as instruction,
                "shots": list() as shots,
                "chat_template": str() | None as template,
                "bos": str() as bos,
                "eos": str() as eos,
                "codes": list() as codes,
                "schema": dict() | None as schema,
                **others,
            } if not others:
                return cls(
                    style=style,
                    instruction=instruction,
                    shots=_pairs(shots),
                    chat_template=template,
                    bos=bos,
                    eos=eos,
                    codes=_pairs(codes),
                    schema=schema,
                )
        raise ArtefactError(f"this is no prompt as suffice writes it: {str(value)[:80]}")

    @cached_property
    def _frame(self) -> tuple[tuple[Part, ...], str]:
        """Returns the pieces before the document, and the text after it."""
        if self.style == "chat":
            return self._chat_frame()
        head = f"{sendable(self.instruction)}{_BETWEEN_SHOTS}" if self.instruction else ""
        parts = [Part(text=head, is_markup=True)]
        for shown, answer in self.shots:
            parts.append(Part(text=sendable(shown.strip()), is_markup=False))
            parts.append(Part(text=PLAIN_MARK, is_markup=True))
            parts.append(Part(text=sendable(answer), is_markup=False))
            parts.append(Part(text=f"{self.eos}{_BETWEEN_SHOTS}", is_markup=True))
        return tuple(part for part in parts if part.text), PLAIN_MARK

    def _chat_frame(self) -> tuple[tuple[Part, ...], str]:
        texts = [sendable(text.strip()) for shot in self.shots for text in shot]
        turns = [{"role": "system", "content": sendable(self.instruction)}] if self.instruction else []
        for index in range(len(texts) + 1):
            role = "assistant" if index % 2 else "user"
            turns.append({"role": role, "content": _STAND_IN.format(index=index)})
        template = chat_template.CHATML if self.chat_template is None else self.chat_template
        rendered = chat_template.render(template, turns, bos=self.bos, eos=self.eos)
        pieces = _STAND_INS.split(rendered)
        if pieces[1::2] != [str(index) for index in range(len(texts) + 1)]:
            raise ArtefactError(
                "the chat template does not write each turn once and in order",
                hint="give the prompt another chat_template, or use style plain",
            )
        parts = []
        for markup, text in zip(pieces[0::2], texts, strict=False):
            parts += [Part(text=markup, is_markup=True), Part(text=text, is_markup=False)]
        parts.append(Part(text=pieces[-3], is_markup=True))
        return tuple(part for part in parts if part.text), pieces[-1]


def instruction_of(
    kind: Kind,
    *,
    words: str = "",
    labels: Sequence[str] = (),
    schema: Mapping[str, Any] | None = None,
    codes: Sequence[tuple[str, str]] = (),
) -> str:
    """Returns the instruction a general model needs: the task's own words, or the kind's usual ones.

    The labels (one a line, with their codes) or the schema stand after the words, or in the place of
    `{labels}` or `{schema}` where the words have it.
    """
    details = {
        "labels": listed_labels(labels, codes),
        "schema": "" if schema is None else canonical_json(schema, {}),
    }
    text = words or _WORDS[kind]
    for name, detail in details.items():
        if f"{{{name}}}" in text:
            text = text.replace(f"{{{name}}}", detail)
        elif detail:
            text = f"{text}\n{detail}"
    return text


def listed_labels(labels: Sequence[str], codes: Sequence[tuple[str, str]] = ()) -> str:
    """Returns the labels as an instruction lists them: one a line, with their codes where they have some."""
    coded = dict(codes)
    return "\n".join(f"{coded[label]}: {label}" if label in coded else f"- {label}" for label in labels)


def sendable(text: str) -> str:
    """Returns the text with lone surrogates replaced, which UTF-8 cannot carry."""
    return text.encode("utf-8", "replace").decode()


def canonical_json(value: JsonValue, schema: Mapping[str, Any]) -> str:
    """Returns JSON without spaces, keys in the schema's order; keys it does not name follow as they come."""
    return sendable(json.dumps(_ordered(value, schema), ensure_ascii=False, separators=(",", ":")))


def _ordered(value: Any, schema: Any) -> Any:
    schema = schema if isinstance(schema, Mapping) else {}
    if isinstance(value, Mapping):
        named = schema.get("properties")
        named = named if isinstance(named, Mapping) else {}
        keys = [key for key in named if key in value] + [key for key in value if key not in named]
        return {key: _ordered(value[key], named.get(key)) for key in keys}
    if isinstance(value, list | tuple):
        return [_ordered(item, schema.get("items")) for item in value]
    return value


def _pairs(values: list[Any]) -> tuple[tuple[str, str], ...]:
    """Returns pairs of texts.

    Raises:
        ArtefactError: an item is something else.
    """
    pairs = []
    for value in values:
        match value:
            case [str() as first, str() as second]:
                pairs.append((first, second))
            case _:
                raise ArtefactError(f"a pair of two texts was expected; found {str(value)[:80]}")
    return tuple(pairs)
