"""Bytes of the public APIs, read into calls and written from replies."""
