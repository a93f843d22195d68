"""What can be done with any decoder's engine: generate, draft, stop, choose."""
