"""Models behind an OpenAI-compatible endpoint: the wire, its failures, and what it may cost."""
