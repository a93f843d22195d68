"""What can answer a call: local bundles, upstream servers, people."""
