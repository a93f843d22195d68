"""One stream of rows from a set of files of any format; chats get the fields last_user and last_assistant."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from suffice.errors import DataError
from suffice.readers import conversations
from suffice.readers.detect import Detected, Records, detect
from suffice.readers.rows import Row, Tally
from suffice.task import Message

LAST_USER = "last_user"
LAST_ASSISTANT = "last_assistant"
_CHATS = {Records.CHAT, Records.LOG, Records.BATCH_INPUT, Records.EVALS}


@dataclass(frozen=True, kw_only=True)
class Source:
    """Files that are read one after the other; batch requests joined with their results."""

    files: tuple[Detected, ...]
    encoding: str | None = None

    @property
    def records(self) -> Records:
        """Returns what the records are; for a joined batch, a log."""
        kinds = {file.records for file in self.files}
        return Records.LOG if Records.BATCH_OUTPUT in kinds else self.files[0].records

    def rows(self, tally: Tally) -> Iterator[Row]:
        """Yields the rows of all files in order.

        Raises:
            DataError: a file cannot be read; names the line.
        """
        answers = self._batch_answers(tally)
        for file in self.files:
            if file.records is Records.BATCH_OUTPUT:
                continue
            for row in file.reader(file.path, encoding=self.encoding, tally=tally):
                converted = _converted(row, file.records, tally)
                if converted is not None:
                    yield _answered(converted, answers, tally) if answers is not None else converted
        for left in answers or ():
            tally.add("batch results without a request", left)

    def _batch_answers(self, tally: Tally) -> dict[str, str | None] | None:
        """Reads the results into memory: one answer per custom_id."""
        outputs = [file for file in self.files if file.records is Records.BATCH_OUTPUT]
        if not outputs:
            return None
        answers: dict[str, str | None] = {}
        for file in outputs:
            for row in file.reader(file.path, encoding=self.encoding, tally=tally):
                name = str(row.fields.get("custom_id"))
                if name in answers:
                    tally.add("batch results that repeat a custom_id", row.place)
                    continue
                body = row.fields.get("response")
                inner = body.get("body") if isinstance(body, dict) else None
                answer = None if conversations.failed(row.fields) else conversations.response_text(inner)
                if answer is None:
                    tally.add("requests the reference failed to answer", row.place)
                answers[name] = answer
        return answers


def open_source(paths: Sequence[Path], *, encoding: str | None = None) -> Source:
    """Returns the files as one source.

    Raises:
        DataError: a file cannot be read, or the files do not go together.
    """
    files = tuple(detect(path, encoding=encoding) for path in paths)
    kinds = {file.records for file in files}
    batch = {Records.BATCH_INPUT, Records.BATCH_OUTPUT}
    if kinds == {Records.BATCH_OUTPUT}:
        raise DataError(
            f"{files[0].path} holds batch results without their requests",
            hint="write data: {batch_input: requests.jsonl, batch_output: results.jsonl}",
        )
    if len(kinds) > 1 and not kinds <= batch:
        other = next(file for file in files if file.records is not files[0].records)
        raise DataError(
            f"the files do not go together: {files[0]}, but {other}", hint="give files of one format"
        )
    return Source(files=files, encoding=encoding)


def _converted(row: Row, records: Records, tally: Tally) -> Row | None:
    if records not in _CHATS:
        return row
    if records is Records.EVALS:
        turns = row.fields.get("input")
        asked = conversations.request_messages({"messages": turns})
        conversation = conversations.Conversation(messages=asked, answer=None) if asked else None
    else:
        conversation = conversations.of_record(row.fields)
    if conversation is None:
        tally.add("records without a conversation", row.place)
        return None
    if conversation.failed:
        tally.add("requests the reference failed to answer", row.place)
    fields: dict[str, Any] = dict(row.fields)
    fields[LAST_USER] = conversation.last_user
    fields[LAST_ASSISTANT] = conversation.answer
    return replace(row, fields=fields, messages=_without_empty(conversation.messages))


def _without_empty(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    return tuple(message for message in messages if message.content)


def _answered(row: Row, answers: dict[str, str | None], tally: Tally) -> Row:
    name = str(row.fields.get("custom_id"))
    if name not in answers:
        tally.add("batch requests without a result", row.place)
        return row
    return replace(row, fields={**row.fields, LAST_ASSISTANT: answers.pop(name)})
