"""What kinds of private data a call holds, and what may be done with it."""
