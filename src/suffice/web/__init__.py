"""The pages: what the gateway did and why, rendered on the server, each also as JSON."""
