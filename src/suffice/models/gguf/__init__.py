"""Decoders in GGUF files, served by llama.cpp."""
