"""From measurements and bars to verdicts, and from verdicts to a signed certificate."""
