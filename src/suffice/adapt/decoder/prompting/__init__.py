"""Decoders used as they are: what they are told, and which examples they are shown."""
