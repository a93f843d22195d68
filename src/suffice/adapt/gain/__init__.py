"""Predicting what escalating a request would gain, from the prompt and the small answer."""
