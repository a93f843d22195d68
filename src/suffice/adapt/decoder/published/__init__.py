"""Families of published decoders: their configurations, what they cost, and how they chat."""
