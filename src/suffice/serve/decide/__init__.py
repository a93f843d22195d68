"""Which tier answers a call: escalation, fallback, abstention."""
