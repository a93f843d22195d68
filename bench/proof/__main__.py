"""Print the tables of the proof engine as Markdown: `python -m bench.proof --reps 2000`."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.proof import cascades, error_rates, fixed_n, judges, labels, ladders, samples

SECTIONS = {
    "type-i": error_rates.section,
    "samples": samples.section,
    "labels": labels.section,
    "judges": judges.section,
    "fixed-n": fixed_n.section,
    "ladder": ladders.section,
}


def main() -> None:
    """Run the named section, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m bench.proof", description=__doc__)
    parser.add_argument("--reps", type=int, default=2_000, help="repetitions of a simulation")
    parser.add_argument("--section", choices=[*SECTIONS, "cascades"], help="one section only")
    parser.add_argument("--scores", type=Path, help="folder that keeps the routing scores")
    arguments = parser.parse_args()
    for name in [arguments.section] if arguments.section else [*SECTIONS, "cascades"]:
        if name == "cascades":
            tables = cascades.section(arguments.reps, arguments.scores)
        else:
            tables = SECTIONS[name](arguments.reps)
        print(f"## {name}\n\n{tables}", flush=True)


if __name__ == "__main__":
    main()
