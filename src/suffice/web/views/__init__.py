"""One file per page: what it knows, as JSON."""
