"""Simulations behind the figures of the proof engine: `python -m bench.proof [--section NAME]`."""
