"""Small recorded models that agree, or else the best one: accuracy and calls on real answers (GSM8K).

`python -m bench.agreement_cascade` reads answers of real models to 1,319 maths questions from SUFFICE_DATA.
Who is asked is chosen on train and dev; the certify rows are looked at by the pipeline itself.
"""

import csv
import json
import os
import tempfile
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from examples import prepare
from suffice.forms import number_form
from suffice.pipeline.run import RunSettings, run_task
from suffice.stats import intervals

MARGINS = (0.04, 0.03, 0.02, 0.01)
LARGEST_SMALL_B = 10.0  # billions of parameters
MOST_ASKED = 0.45
DRAWS = 10_000


def main() -> None:
    """Print the table."""
    source = Path(os.environ.get("SUFFICE_DATA", "../shared/data"))
    with tempfile.TemporaryDirectory() as folder:
        place = prepare.gsm8k(source, Path(folder), only_open=True)[0].parent
        sizes = {k: v for k, v in json.loads(prepare.SIZES.read_text("utf-8")).items() if k != "about"}
        known = [*_rows(place / "train.csv"), *_rows(place / "dev.csv")]
        certify = _rows(place / "certify.csv")
        spec = yaml.safe_load((place / "task.yaml").read_text("utf-8"))
        best = spec["reference"]["name"]
        small = [c["name"] for c in spec["ladder"] if c["size_b"] <= LARGEST_SMALL_B]
        print(
            f"Real answers of real models to {len(known) + len(certify):,} questions. On {len(known):,} of "
            f"them "
            f"(train and dev) the best model of public size is {best}. Of the {len(small)} models up to "
            f"{LARGEST_SMALL_B:g}B two, or three, are chosen there: those with whom the cascade is most "
            f"often right "
            f"while at most {MOST_ASKED:.0%} of the questions reach {best}. Where all of them give the "
            f"same number "
            f"it is answered, else {best} is asked. On the other {len(certify):,} questions:\n"
        )
        groups = [_chosen(small, best, known, size=size) for size in (2, 3)]
        _describe(certify, groups, best, sizes)
        print(
            f"\nWhat `suffice run` certifies on those questions: accuracy at most the margin below {best}'s "
            "(alpha 0.05; each margin with a look of its own, so that only one row is a claim).\n"
        )
        print(
            "| asked | margin | verdict | chosen | rows | labels | evidence, of 25 "
            "|\n|---|---|---|---|---|---|---|"
        )
        for members in groups:
            for margin in MARGINS:
                _certify(spec, members, sizes, margin=margin, place=place)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _right(rows: Sequence[dict[str, str]], model: str) -> NDArray[np.bool_]:
    return np.array([row[model] == row["answer"] for row in rows])


def _agree(rows: Sequence[dict[str, str]], members: Sequence[str]) -> NDArray[np.bool_]:
    forms = [{number_form(row[member]) for member in members} for row in rows]
    return np.array([len(found) == 1 and found != {None} for found in forms])


def _system(rows: Sequence[dict[str, str]], members: Sequence[str], best: str) -> NDArray[np.bool_]:
    return np.where(_agree(rows, members), _right(rows, members[0]), _right(rows, best))


def _chosen(small: Sequence[str], best: str, rows: Sequence[dict[str, str]], *, size: int) -> tuple[str, ...]:
    """Returns the members whose cascade is most often right and passes up at most MOST_ASKED."""

    def worth(members: tuple[str, ...]) -> tuple[bool, float]:
        asked = float((~_agree(rows, members)).mean())
        return asked <= MOST_ASKED, float(_system(rows, members, best).mean())

    return max(combinations(small, size), key=worth)


def _describe(
    rows: Sequence[dict[str, str]], groups: Sequence[tuple[str, ...]], best: str, sizes: dict[str, float]
) -> None:
    print(
        "| system | right | 95% interval | difference to the best | asks the best | right where all agree |"
    )
    print("|---|---|---|---|---|---|")
    reference = _right(rows, best)
    for name in (*dict.fromkeys(m for members in groups for m in members), best):
        right = _right(rows, name)
        ends = intervals.wilson(int(right.sum()), len(rows))
        print(
            f"| {name} ({sizes[name]:g}B) | {right.mean():.1%} | {ends.lower:.1%} to {ends.upper:.1%} | | | |"
        )
    for members in groups:
        agree, right = _agree(rows, members), _system(rows, members, best)
        ends, asked = (
            intervals.wilson(int(right.sum()), len(rows)),
            intervals.wilson(int((~agree).sum()), len(rows)),
        )
        difference = right.astype(float) - reference
        draws = np.random.default_rng(0).choice(difference, (DRAWS, len(rows))).mean(axis=1)
        lower, upper = np.quantile(draws, (0.025, 0.975))
        print(
            f"| {' + '.join(members)}, else the best | {right.mean():.1%} | {ends.lower:.1%} to "
            f"{ends.upper:.1%} | "
            f"{100 * difference.mean():+.2f} points ({100 * lower:+.2f} to {100 * upper:+.2f}) | "
            f"{(~agree).mean():.1%} ({asked.lower:.1%} to {asked.upper:.1%}) | "
            f"{_right(rows, members[0])[agree].mean():.1%} of {int(agree.sum()):,} |"
        )
    print(f"\nDifferences with a paired bootstrap of {DRAWS:,} draws; n {len(rows):,}.")


def _certify(
    spec: dict[str, Any], members: tuple[str, ...], sizes: dict[str, float], *, margin: float, place: Path
) -> None:
    """Prints what the pipeline certifies. A token's price is taken to be in proportion to the parameters."""
    best = spec["reference"]["name"]

    def priced(model: str) -> dict[str, Any]:
        return {"usd_per_1m_input": sizes[model] / 100, "usd_per_1m_output": sizes[model] / 100}

    task = dict(spec)
    task["kind"] = "generate"
    task["reference"] = spec["reference"] | priced(best)
    quality = {"metric": "numeric_match", "target": "non_inferior", "margin": margin}
    task |= {"name": f"agreement-{margin:g}", "bars": {"quality": quality}, "minimise": "cost"}
    task["ladder"] = [
        *({"kind": "recorded", "name": m, "answers": m, "size_b": sizes[m], **priced(m)} for m in members),
        {"kind": "agreement", "name": "all", "members": list(members)},
    ]
    name = f"agreement-{len(members)}-{margin:g}"
    path = place / f"{name}.yaml"
    path.write_text(yaml.safe_dump(task, sort_keys=False), encoding="utf-8")
    settings = RunSettings(offline=True, account=place / f"{name}.sqlite")
    facts = run_task(path, out=place / name, settings=settings, progress=lambda *_: None).facts
    chosen = facts.chosen.name.replace("reference", best) if facts.chosen else f"none: keep {best}"
    reached = "" if facts.evidence.e_value is None else f"{facts.evidence.e_value:.3g}"
    print(
        f"| {len(members)} | {100 * margin:g} points | {facts.verdict.value} | {chosen} | "
        f"{facts.evidence.n:,} | "
        f"{facts.evidence.labels:,} | {reached} |"
    )


if __name__ == "__main__":
    main()
