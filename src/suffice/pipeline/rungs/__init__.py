"""The rungs of one run: which there are, how each is made, opened, remembered and measured."""
