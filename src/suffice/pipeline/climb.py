"""Up the ladder on dev: the usual rungs, then dear ones as long as nothing cheaper is expected to do."""

from collections.abc import Callable, Sequence

from suffice.candidate import Candidate, Ladder
from suffice.errors import DataError
from suffice.pipeline.choose import Choice
from suffice.pipeline.rungs import ladder as ladders
from suffice.pipeline.rungs.rung import Rung


def climb(
    ladder: tuple[Ladder, Ladder],
    opened: Callable[[Ladder, Ladder], list[Rung]],
    chosen_from: Callable[[Sequence[Rung]], Choice],
    *,
    quick: bool,
) -> tuple[list[Rung], Choice, tuple[str, ...]]:
    """Returns the rungs opened, the choice among them on dev, and notes on what was not tried.

    `ladder`: the usual rungs, and dear ones, which are opened one by one while dev expects none so
    far to do. On the automatic ladder a rung that cannot learn from these rows is passed over, as long as
    another one can.

    Raises:
        DataError: no rung can learn from these rows; what the first one said.
    """
    usual, dear = ladder
    rungs: list[Rung] = []
    choice: Choice | None = None
    notes: list[str] = []
    first: DataError | None = None
    try:
        rungs = opened(usual, usual)
        choice = chosen_from(rungs)
    except DataError as error:
        if not dear.candidates:
            raise
        first = error
        notes.append(f"not tried: {_names(usual)}, because {error.message}")
    for candidate in dear.candidates:
        if choice is not None and choice.expects_a_local_system:
            break
        if why := _left_out(candidate, quick=quick):
            notes.append(f"not tried, because {why}: {candidate.name}")
            continue
        try:
            rungs = [*rungs, *opened(Ladder(candidates=(candidate,)), usual)]
        except DataError as error:  # too few rows for it, say; the cheaper rungs are there all the same
            notes.append(f"not tried: {candidate.name}, because {error.message}")
            continue
        choice = chosen_from(rungs)
    if choice is None:
        raise first or DataError("the ladder has no rung", hint="list candidates under 'ladder'")
    return rungs, choice, tuple(notes)


def _left_out(candidate: Candidate, *, quick: bool) -> str:
    """Returns why a dear rung is not tried here, or nothing."""
    if quick:
        return "it takes minutes to train"
    return ladders.lacking(candidate)


def _names(ladder: Ladder) -> str:
    return ", ".join(candidate.name for candidate in ladder.candidates)
