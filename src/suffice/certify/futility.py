"""When a test stops for futility: how sure one must be that the bar is not met."""

# The chance that a system at the bar is called "below it". It costs power, never validity.
BETA = 0.05
