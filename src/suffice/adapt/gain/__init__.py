"""Learning, from rows on which both models were marked, what escalating a request gains."""
