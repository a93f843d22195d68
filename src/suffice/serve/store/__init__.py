"""What the gateway remembers: events, feedback, keys, reviews."""
