"""The gateway's database: events, feedback, the review queue and keys, in SQLite or PostgreSQL."""
