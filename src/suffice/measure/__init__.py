"""Meters: what answering takes, in time, memory, bytes, money and energy."""
