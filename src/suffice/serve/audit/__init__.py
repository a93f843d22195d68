"""An append-only record of decisions that shows when it was changed."""
