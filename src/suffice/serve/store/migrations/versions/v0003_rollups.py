"""Schema 0003: sums by minute and half hour, which pages and budgets read instead of the events."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Makes the table, notes which events are still to be added up, and drops the index it replaces."""
    sums = (
        *("calls", "failed", "reached", "escalated", "cost_usd", "cost_n", "reference_usd", "reference_n"),
        *("saved_usd", "compared_n", "input_tokens", "output_tokens", "tokens_n"),
        *("counted", "counted_tokens", "counted_usd"),
    )
    op.create_table(
        "rollups",
        sa.Column("length_s", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at_us", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("whose", sa.Text, primary_key=True),
        sa.Column("route", sa.Text, primary_key=True),
        sa.Column("tier", sa.Text, primary_key=True),
        sa.Column("writer", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Double) for name in sums),
        sa.Column("latencies", sa.Text, nullable=False),
    )
    op.execute("INSERT INTO marks (log, seq) SELECT 'rollups', max(number) FROM events HAVING count(*) > 0")
    op.drop_index("events_by_time", "events")
