"""What a run has to tell: findings, and the facts that report and JSON both show."""
