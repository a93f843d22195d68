"""A server as a tier: what it is sent, how its replies are read, when it is left alone."""
