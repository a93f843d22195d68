"""A certified bundle as a tier: checked bytes, micro-batches, workers, reload, reasons."""
