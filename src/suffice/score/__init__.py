"""Scorers: how answers are compared with what was wanted."""
