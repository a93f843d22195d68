"""Print the tables of the proof engine as Markdown: `python -m bench.proof --reps 2000`."""

from __future__ import annotations

import argparse

from bench.proof import cascades, error_rates, labels, ladders, samples

SECTIONS = {
    "type-i": error_rates.section,
    "samples": samples.section,
    "labels": labels.section,
    "ladder": ladders.section,
    "cascades": cascades.section,
}


def main() -> None:
    """Run the named section, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m bench.proof", description=__doc__)
    parser.add_argument("--reps", type=int, default=2_000, help="repetitions of a simulation")
    parser.add_argument("--section", choices=sorted(SECTIONS), help="one section only")
    arguments = parser.parse_args()
    for name in [arguments.section] if arguments.section else SECTIONS:
        print(f"## {name}\n\n{SECTIONS[name](arguments.reps)}", flush=True)


if __name__ == "__main__":
    main()
