"""How much escalating a request would gain, as a score: from the prompt, and from the small answer."""
