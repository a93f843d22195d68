"""Benchmarks: each prints Markdown rows with their command, machine, n and interval."""
