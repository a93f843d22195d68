"""Which label is taken for which: a heat map for few labels, bars of the worst pairs for many."""

from collections.abc import Sequence
from typing import Any

from suffice.report import numbers
from suffice.report.charts.drawing import BAD, CHOSEN, INK, MUTED, Chart, Sheet, draw, shorten
from suffice.report.facts import ConfusionFacts, ConfusionMatrix, Facts

MOST_LABELS = 30
_MOST_BARS = 10


def chart(facts: Facts) -> Chart | None:
    """Returns the chart, or None where nothing was confused. Small screens always get the bars."""
    worst = facts.confusions[:_MOST_BARS]
    if not worst:
        return None
    matrix = facts.confusion_matrix
    if matrix is not None and len(matrix.wanted) > MOST_LABELS:
        matrix = None
    first = worst[0]
    alt = "Most frequent confusions: " + "; ".join(
        f"{pair.wanted} answered {pair.answered}, {pair.count} of {pair.of}" for pair in worst
    )
    bars = Sheet(width=480, height=26 + 46 * len(worst))
    wide, narrow = draw(
        lambda axes, sheet: _paint(axes, sheet, worst, matrix),
        name="confusion",
        alt=alt,
        wide=bars if matrix is None else _matrix_sheet(matrix),
        narrow=Sheet(width=368, height=26 + 44 * len(worst), is_narrow=True),
    )
    title = f"Most often, {first.wanted} is answered {first.answered}: {first.count} of {first.of} times"
    return Chart(title=title, alt=alt, wide=wide, narrow=narrow)


def _matrix_sheet(matrix: ConfusionMatrix) -> Sheet:
    return Sheet(width=min(1000, 250 + 34 * len(matrix.answered)), height=150 + 22 * len(matrix.wanted))


def _paint(axes: Any, sheet: Sheet, worst: Sequence[ConfusionFacts], matrix: ConfusionMatrix | None) -> None:
    if matrix is None or sheet.is_narrow:
        _paint_bars(axes, worst, most=46 if sheet.is_narrow else 60)
    else:
        _paint_matrix(axes, matrix)


def _paint_bars(axes: Any, worst: Sequence[ConfusionFacts], *, most: int) -> None:
    rates = [pair.count / pair.of for pair in worst]
    for row, (pair, rate) in enumerate(zip(worst, rates, strict=True)):
        axes.barh(row, rate, height=0.32, color=BAD)
        axes.annotate(
            f"{shorten(pair.wanted, most // 2)} → {shorten(pair.answered, most // 2)}", (0, row),
            xytext=(0, 11), textcoords="offset pixels", color=INK, va="bottom",
        )  # fmt: skip
        axes.annotate(
            f"{numbers.share(rate, decimals=0)}  ({pair.count} of {pair.of})", (rate, row),
            xytext=(6, 0), textcoords="offset pixels", color=MUTED, va="center",
        )  # fmt: skip
    axes.set_xlim(0, max(rates) * 1.45)
    axes.set_ylim(len(worst) - 0.6, -0.75)
    axes.axis("off")


def _paint_matrix(axes: Any, matrix: ConfusionMatrix) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    for row, counts in enumerate(matrix.counts):
        total = max(sum(counts), 1)
        for column, cell in enumerate(counts):
            if not cell:
                continue
            is_right = matrix.wanted[row] == matrix.answered[column]
            shade = 0.1 + 0.35 * (cell / total) if is_right else 0.15 + 0.6 * (cell / total) ** 0.5
            axes.add_patch(
                Rectangle(
                    (column - 0.47, row - 0.44), 0.94, 0.88, color=CHOSEN if is_right else BAD, alpha=shade
                )
            )
            axes.annotate(
                str(cell), (column, row), ha="center", va="center", color=INK, fontsize=11,
                weight="normal" if is_right else "bold",
            )  # fmt: skip
    axes.set_xlim(-0.5, len(matrix.answered) - 0.5)
    axes.set_ylim(len(matrix.wanted) - 0.5, -0.5)
    axes.set_xticks(range(len(matrix.answered)), [shorten(name, 20) for name in matrix.answered], rotation=90)
    axes.set_yticks(range(len(matrix.wanted)), [shorten(name, 20) for name in matrix.wanted])
    axes.tick_params(axis="both", labelsize=11)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("answered")
    axes.set_ylabel("wanted")
