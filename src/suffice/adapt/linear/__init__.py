"""Fitting linear models over n-grams, on labels or on what a larger rung says."""
