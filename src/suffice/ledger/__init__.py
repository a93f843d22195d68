"""The append-only record of runs, artefacts, looks and money."""
