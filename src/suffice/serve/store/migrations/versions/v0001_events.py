"""Schema 0001: events, feedback, keys, and how far each audit log was taken over."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Makes the first tables."""
    op.create_table(
        "events",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("requested_model", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("place", sa.Text),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("steps", sa.Text, nullable=False),
        sa.Column("escalated", sa.Boolean, nullable=False),
        sa.Column("data_classes", sa.Text, nullable=False),
        sa.Column("local_only", sa.Boolean, nullable=False),
        sa.Column("left_machine", sa.Boolean, nullable=False),
        sa.Column("masked", sa.Boolean, nullable=False),
        sa.Column("certificate", sa.Text),
        sa.Column("input_tokens", sa.BigInteger),
        sa.Column("output_tokens", sa.BigInteger),
        sa.Column("cost_usd", sa.Double),
        sa.Column("reference_usd", sa.Double),
        sa.Column("latency_ms", sa.Double, nullable=False),
        sa.Column("first_token_ms", sa.Double),
        sa.Column("streamed", sa.Boolean, nullable=False),
        sa.Column("request_sha256", sa.Text, nullable=False),
        sa.Column("response_sha256", sa.Text, nullable=False),
        sa.Column("request_text", sa.Text),
        sa.Column("response_text", sa.Text),
        sa.Column("run", sa.Text),
        sa.Column("seq", sa.BigInteger),
        sa.UniqueConstraint("run", "seq", name="events_of_run"),
    )
    op.create_index("events_by_id", "events", ["id"])
    op.create_index("events_by_time", "events", ["at_us"])
    op.create_index("events_by_key", "events", ["key_id", "number"])
    _make_feedback()
    _make_keys_and_marks()


def _make_feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("judge", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("correct", sa.Boolean),
        sa.Column("score", sa.Double),
        sa.Column("label", sa.Text),
        sa.Column("comment", sa.Text, nullable=False),
    )
    op.create_index("feedback_by_key", "feedback", ["key_id", "number"])


def _make_keys_and_marks() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("secret_sha256", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("models", sa.Text, nullable=False),
        sa.Column("limits", sa.Text, nullable=False),
        sa.Column("revoked_us", sa.BigInteger),
        sa.Column("last_used_us", sa.BigInteger),
    )
    op.create_table(
        "marks",
        sa.Column("log", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
