"""GGUF files: written from other formats, and quantised."""
