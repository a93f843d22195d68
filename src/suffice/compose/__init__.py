"""Putting a gateway together from its site: the one place where its rooms meet."""
