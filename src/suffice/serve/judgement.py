"""What somebody says of an answer once it was given."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """One judgement of the answer to the call `request_id` (`x-request-id`), by the owner of a key.

    At least one of: `label`, the right answer (for extract: its JSON as text); `correct`, whether the
    given answer was right; `score` in [0, 1], how good it was.
    """

    request_id: str
    key_id: str
    at: datetime
    label: str | None = None
    correct: bool | None = None
    score: float | None = None
    comment: str = ""
