"""Tiny decoders trained from scratch on the task's own rows, by the truth or by a teacher."""
