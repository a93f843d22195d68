"""The audit log: an append-only, hash-chained, signed record of every ended call."""
