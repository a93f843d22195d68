"""From what a judge said to its verdict: one of the words it was given, or unreadable."""

from suffice.score.judge.asking import VERDICTS, Mode

_AROUND = " \t\r*_#`\"'.,:;!()[]{}<>"


def verdict_of(said: str | None, mode: Mode) -> str | None:
    """Returns the verdict, or None where the first line that is not blank is none of the mode's words.

    Signs around the word and its case do not count, nor the name "answer" before A or B. Nothing else is
    read: a judge that reasons first, hedges or answers with a number has not said a verdict.
    """
    line = next((line for line in (said or "").splitlines() if line.strip(_AROUND)), "")
    word = line.strip(_AROUND).casefold()
    if mode is Mode.COMPARE:
        word = word.removeprefix("answer ").strip(_AROUND)
    return next((verdict for verdict in VERDICTS[mode] if verdict.casefold() == word), None)
