"""Forms: what of an answer counts. Answers of equal form are the same answer, and have equal worth."""

import json
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from suffice.task import JsonValue, Kind

# Gives an answer's form as text; None where the answer is none (then it is right about nothing).
Form = Callable[[JsonValue], str | None]

_FENCE = re.compile(r"\A```(?:json)?[ \t]*\n(.*?)\n?```\Z", re.DOTALL)
_LARGEST_CHARACTERS = 1_000_000
_LONGEST = 100_000  # characters of an answer that a pattern is tried on
# A sign counts where no word or number stands before it: "5-3" ends in 3. Currencies may follow it.
_NUMBER = re.compile(
    r"(?:(?<![\w.)])([-+]))?(?:[$€£]\s?)?((?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?|\.\d+)"
)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def form_of(settings: Mapping[str, Any]) -> Form:
    """Returns the form in which answers are the same under a metric.

    `settings` holds `metric`, and `kind`, `ignore_case` and `pattern` where they are set: plain JSON, so that
    a served model can keep it.

    Raises:
        KeyError: no such metric.
    """
    ignore_case, pattern = bool(settings.get("ignore_case")), settings.get("pattern")
    is_object = settings.get("kind") == Kind.EXTRACT.value
    forms: dict[str, Form] = {
        "accuracy": label_form,
        "macro_f1": label_form,
        "recall_at_false_alarm": label_form,
        "exact_match": partial(object_form if is_object else text_form, ignore_case=ignore_case),
        "field_f1": partial(object_form, ignore_case=ignore_case),
        "normalised_match": normalised_form,
        # Equal numbers only: of two numbers within the tolerance of each other one may be right alone.
        "numeric_match": partial(number_form, pattern=pattern),
        "regex": partial(found_form, pattern=pattern or "", ignore_case=ignore_case),
    }
    # Metrics that may look at any sign of the text know no other text that is the same.
    raw = dict.fromkeys(("rouge_l", "chrf", "unit_tests", "judge"), raw_form)
    return (forms | raw)[settings["metric"]]


def label_form(answer: JsonValue) -> str:
    """Returns a label as it is compared: without space around it, and without regard to case.

    Strict on purpose: "billing." and "It is billing" are not "billing". Labels that differ only in
    case are one label here, so a task that tells them apart must rename them.
    """
    return str(answer).strip().casefold()


def text_form(answer: JsonValue, *, ignore_case: bool = False) -> str:
    """Returns a text in Unicode NFC, stripped, each run of white space one blank; folded if asked."""
    folded = " ".join(unicodedata.normalize("NFC", _text(answer)).split())
    return folded.casefold() if ignore_case else folded


def normalised_form(answer: JsonValue) -> str:
    """Returns the text in lower case without punctuation, English articles and extra white space.

    As in SQuAD's evaluation (Rajpurkar et al. 2016), for any script: ASCII punctuation is removed.
    """
    bare = _text(answer).casefold().translate(_PUNCTUATION)
    return text_form(_ARTICLES.sub(" ", bare))


def raw_form(answer: JsonValue) -> str:
    """Returns the text as it is: for metrics that may look at any sign of it."""
    return _text(answer)


def object_form(answer: JsonValue, *, ignore_case: bool = False) -> str | None:
    """Returns an object as canonical JSON text, None for what is no object.

    Key order and white space do not count, 3 and 3.0 are equal, texts are compared in `text_form`. A field
    that is null, {} or [] says the same as a missing one. The order of a list counts.
    """
    found = answer_object(answer)
    if found is None:
        return None
    return json.dumps(_canonical(found, ignore_case=ignore_case), sort_keys=True, ensure_ascii=False)


def pairs(answer: Mapping[str, Any], *, ignore_case: bool = False) -> Counter[tuple[str, str]]:
    """Returns an object's (path, value) pairs with their counts, e.g. ("slots.city", '"Paris"').

    An item of a list has the path of the list with "[]": its place does not count.
    """
    found: Counter[tuple[str, str]] = Counter()
    _collect(_canonical(answer, ignore_case=ignore_case), "", found)
    return found


def number_of(answer: JsonValue, *, pattern: str | None = None) -> Decimal | None:
    """Returns the last number of a text, None where there is none: "so it is $1,234.50." gives 1234.50.

    With a pattern, the number is looked for in what the pattern finds.
    """
    text = _text(answer)[-_LONGEST:]
    if pattern is not None:
        text = found_by(pattern, text) or ""
    numbers = _NUMBER.findall(text)
    if not numbers:
        return None
    sign, digits = numbers[-1]
    return Decimal(sign + digits.replace(",", ""))


def number_form(answer: JsonValue, *, pattern: str | None = None) -> str | None:
    """Returns the number as text, 1,250.0 as 1250; None where there is none."""
    number = number_of(answer, pattern=pattern)
    return None if number is None else f"{number.normalize():f}"


def found_form(answer: JsonValue, *, pattern: str, ignore_case: bool = False) -> str | None:
    """Returns the form of what a pattern finds in a text; None where it finds nothing."""
    found = found_by(pattern, _text(answer))
    return None if found is None else text_form(found, ignore_case=ignore_case)


def found_by(pattern: str, text: str) -> str | None:
    """Returns what a pattern finds last in a text: its first group where it has one, else all of it."""
    matches = list(re.finditer(pattern, text[-_LONGEST:]))
    if not matches:
        return None
    last = matches[-1]
    return last.group(1) if last.re.groups else last.group()


def _text(answer: JsonValue) -> str:
    return answer if isinstance(answer, str) else json.dumps(answer, sort_keys=True, ensure_ascii=False)


def _canonical(value: Any, *, ignore_case: bool) -> Any:
    if isinstance(value, Mapping):
        inner = {text_form(key): _canonical(item, ignore_case=ignore_case) for key, item in value.items()}
        return {key: item for key, item in inner.items() if item is not None and item not in ({}, [])}
    if isinstance(value, list | tuple):
        return [_canonical(item, ignore_case=ignore_case) for item in value]
    if isinstance(value, str):
        return text_form(value, ignore_case=ignore_case)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _collect(value: Any, path: str, found: Counter[tuple[str, str]]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _collect(item, f"{path}.{key}" if path else key, found)
    elif isinstance(value, list):
        for item in value:
            _collect(item, f"{path}[]", found)
    else:
        found[path, json.dumps(value, ensure_ascii=False)] += 1


def answer_object(answer: JsonValue) -> Mapping[str, Any] | None:
    """Returns the object an answer is, or None where it is none.

    White space and one code fence around the object are taken off; prose around it is not: who uses
    the answer would have to guess, too. NaN and infinities are no JSON (RFC 8259, section 6).
    """
    if isinstance(answer, str):
        text = answer.strip()
        if (fenced := _FENCE.match(text)) is not None:
            text = fenced.group(1)
        if len(text) > _LARGEST_CHARACTERS:
            return None
        try:
            answer = json.loads(text, parse_constant=_refused)
        except (ValueError, RecursionError):
            return None
    return answer if isinstance(answer, Mapping) else None


def _refused(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def taught_target(reference: JsonValue, kind: Kind) -> JsonValue:
    """Returns what a model learns from the reference's answer where there is no truth; None: nothing."""
    return answer_object(reference) if kind is Kind.EXTRACT else reference
