"""Methods that make decoders: trained from scratch, tuned, taught by a larger one; exported to GGUF."""
