"""Making the small encoder fit a task: a head on frozen vectors, or all layers trained; served in 8 bits."""
