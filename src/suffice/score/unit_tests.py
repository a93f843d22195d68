"""Code that is right when its tests pass."""

import asyncio
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from suffice.ports import Score
from suffice.score.sandbox import Limits, SandboxRun, run_python

_BLOCK = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_AT_ONCE = 2


class UnitTestScorer:
    """Scores 1 where the answer's Python, followed by the wanted tests, ends without an error.

    The answer's code is what stands in its fenced blocks, or all of it where it has none. Both run in the
    sandbox (`score/sandbox.py`).
    """

    def __init__(self, *, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()

    async def score(self, wanted: Sequence[Any], answers: Sequence[str | None]) -> list[Score]:
        """Returns one score per pair, with the reason of each failure; no answer is wrong."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            runs = [
                loop.run_in_executor(pool, self._score, want, answer)
                for want, answer in zip(wanted, answers, strict=True)
            ]
            return list(await asyncio.gather(*runs))

    def _score(self, want: Any, answer: str | None) -> Score:
        if want is None:
            return Score(value=None, why="not labelled")
        if answer is None:
            return Score(value=0.0, why="no answer")
        run = run_python(program(answer, str(want)), limits=self._limits)
        return Score(value=float(run.passed), why=_why(run))


def program(answer: str, tests: str) -> str:
    """Returns the answer's code followed by the tests."""
    blocks = _BLOCK.findall(answer)
    code = "\n".join(blocks) if blocks else answer
    return f"{code}\n\n{tests}\n"


def _why(run: SandboxRun) -> str:
    if run.passed:
        return ""
    last = run.output.strip().splitlines()[-1:] or [""]
    return f"{run.why}: {last[0][:200]}" if last[0] else run.why
