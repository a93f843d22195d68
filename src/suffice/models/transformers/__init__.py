"""The reference engine: decoders as Hugging Face folders, run by transformers and torch."""
