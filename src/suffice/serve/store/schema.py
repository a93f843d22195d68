"""The tables as the newest migration leaves them; times are microseconds since 1970 in UTC."""

import sqlalchemy as sa

HEAD = "0003"  # the newest migration; a test holds it against the folder of migrations

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite counts up INTEGER keys only

metadata = sa.MetaData()

events = sa.Table(
    "events",
    metadata,
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
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
    sa.Column("ticket", sa.Text),
    sa.Column("request_sha256", sa.Text, nullable=False),
    sa.Column("response_sha256", sa.Text, nullable=False),
    sa.Column("request_text", sa.Text),
    sa.Column("response_text", sa.Text),
    # Which opening of which audit log wrote the event, and as which record: makes keeping it twice
    # harmless. A call's id would not do, since clients can choose it.
    sa.Column("run", sa.Text),
    sa.Column("seq", sa.BigInteger),
    sa.UniqueConstraint("run", "seq", name="events_of_run"),
    sa.Index("events_by_id", "id"),
    sa.Index("events_by_key", "key_id", "number"),
)

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),  # of the call: who may see this
    sa.Column("judge", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("route", sa.Text, nullable=False),
    sa.Column("tier", sa.Text, nullable=False),
    sa.Column("correct", sa.Boolean),
    sa.Column("score", sa.Double),
    sa.Column("label", sa.Text),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Index("feedback_by_key", "key_id", "number"),
)

keys = sa.Table(
    "keys",
    metadata,
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

# Up to which record of each audit log everything is in `events`.
marks = sa.Table(
    "marks",
    metadata,
    sa.Column("log", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
)

# Sums over `events` by stretch of time, key ("*" for all), route and tier; see `rollups`. `writer` is
# the one process that adds to a row, so that several gateways never wait for one another.
rollups = sa.Table(
    "rollups",
    metadata,
    sa.Column("length_s", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at_us", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("whose", sa.Text, primary_key=True),
    sa.Column("route", sa.Text, primary_key=True),
    sa.Column("tier", sa.Text, primary_key=True),
    sa.Column("writer", sa.Text, primary_key=True),
    # Whole numbers too: what servers claim of their tokens must not overflow a sum.
    sa.Column("calls", sa.Double),
    sa.Column("failed", sa.Double),
    sa.Column("reached", sa.Double),
    sa.Column("escalated", sa.Double),
    sa.Column("cost_usd", sa.Double),
    sa.Column("cost_n", sa.Double),
    sa.Column("reference_usd", sa.Double),
    sa.Column("reference_n", sa.Double),
    sa.Column("saved_usd", sa.Double),
    sa.Column("compared_n", sa.Double),
    sa.Column("input_tokens", sa.Double),
    sa.Column("output_tokens", sa.Double),
    sa.Column("tokens_n", sa.Double),
    sa.Column("counted", sa.Double),
    sa.Column("counted_tokens", sa.Double),
    sa.Column("counted_usd", sa.Double),
    sa.Column("latencies", sa.Text, nullable=False),
)

tickets = sa.Table(
    "tickets",
    metadata,
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("at_us", sa.BigInteger, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("route", sa.Text, nullable=False),
    sa.Column("call_id", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("steps", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("expires_us", sa.BigInteger),
    sa.Column("answer", sa.Text),
    sa.Column("answered_by", sa.Text),
    sa.Column("answered_us", sa.BigInteger),
    sa.Index("tickets_by_state", "state", "number"),
)
