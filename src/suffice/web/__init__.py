"""The pages of a running gateway, each also as JSON."""
