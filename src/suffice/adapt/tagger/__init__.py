"""Making span taggers: from objects to tags of words, and a linear chain fitted to them."""
