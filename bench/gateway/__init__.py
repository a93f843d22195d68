"""What the gateway adds to a call: against a bare pass-through and a rival, side by side."""
