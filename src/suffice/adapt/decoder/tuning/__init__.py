"""Base decoders tuned to a task: all weights or by LoRA, and what they forget by it."""
