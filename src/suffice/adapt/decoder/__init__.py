"""Decoders: made from scratch or adapted, exported to GGUF, quantised."""
