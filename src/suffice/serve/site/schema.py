"""The site file's schema: one frozen `SiteFile`, in which every key that is not named is refused."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from suffice.readers.spec import NonNegative, Part, Positive, Words

Unit = Annotated[float, Field(ge=0, le=1)]
Whole = Annotated[int, Field(ge=1)]


def _as_tuple(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


Several = Annotated[tuple[Words, ...], BeforeValidator(_as_tuple)]


# Keys of a model that say something of its bundle.
_OF_BUNDLE = {"allow_uncertified", "processes", "batch", "batch_wait_ms", "queue"}


class ModelKeys(Part):
    """One name that clients may send as `model`."""

    bundle: Words | None = Field(default=None, description="run folder whose bundle answers first")
    escalate_to: Several = Field(default=(), description="with bundle: tiers that are asked next, in order")
    tiers: Several = Field(default=(), description="without bundle: tiers that are asked, in order")
    escalate_below: Unit | None = Field(
        default=None, description="pass up answers trusted less; only ever stricter than the certificate"
    )
    novelty_above: Unit | None = Field(default=None, description="pass up inputs this foreign or more")
    system_prompts: Several = Field(
        default=(), description="chats with this system prompt (text, or its sha256) are meant for this model"
    )
    reference: Words | None = Field(default=None, description="tier whose price savings are told against")
    hedge_after_s: Positive | None = Field(
        default=None, description="ask the next tier beside a server that has not begun to answer by then"
    )
    timeout_s: Positive = Field(default=120.0, description="longest time for one call")
    allow_uncertified: bool = Field(default=False, description="serve the bundle without a valid certificate")
    processes: Annotated[int, Field(ge=0, le=256)] = Field(
        default=0, description="processes that compute the bundle; 0: a thread of the gateway"
    )
    batch: Whole = Field(default=32, description="calls the bundle answers together, at most")
    batch_wait_ms: NonNegative = Field(default=0.0, description="how long a batch waits for more calls")
    queue: Whole = Field(default=512, description="calls that wait for the bundle; above: 429")

    @model_validator(mode="after")
    def _one_way(self) -> "ModelKeys":
        if (self.bundle is None) == (not self.tiers):
            raise ValueError("give one of: 'bundle' (with 'escalate_to' for hard requests), or 'tiers'")
        if self.tiers and self.escalate_to:
            raise ValueError("'escalate_to' stands beside 'bundle'; list all tiers under 'tiers'")
        beside_bundle = self.model_fields_set & _OF_BUNDLE
        if self.tiers and beside_bundle:
            raise ValueError(f"{min(beside_bundle)!r} stands beside the 'bundle' it is said of")
        return self


class UpstreamKeys(Part):
    """A server that speaks OpenAI's API."""

    kind: Literal["upstream"] = Field(description="what kind of tier it is")
    base_url: Words = Field(description="address up to and including /v1")
    model: Words = Field(description="the model's name there")
    api_key_env: Words | None = Field(default=None, description="environment variable that holds its key")
    usd_per_1m_input: NonNegative | None = Field(default=None, description="price of 1,000,000 input tokens")
    usd_per_1m_output: NonNegative | None = Field(
        default=None, description="price of 1,000,000 output tokens"
    )
    joules_per_call: Positive | None = Field(
        default=None, description="energy of one call, as you state it: what a page tells savings against"
    )
    concurrency: Annotated[int, Field(ge=1, le=4096)] = Field(
        default=64, description="calls under way at once"
    )
    connect_s: Positive = Field(default=10.0, description="longest time to connect")
    first_byte_s: Positive = Field(default=60.0, description="longest wait for the first byte")
    idle_s: Positive = Field(default=30.0, description="longest pause within a reply")
    total_s: Positive = Field(default=120.0, description="longest time for one reply")
    attempts: Annotated[int, Field(ge=1, le=20)] = Field(
        default=2, description="how often it is asked, before the first byte only"
    )
    queue: Annotated[int, Field(ge=0)] = Field(
        default=64, description="calls that wait for a place; above: 429"
    )
    queue_s: Positive = Field(default=5.0, description="longest wait for a place")
    allow_private: bool = Field(default=False, description="its name may lead into private networks")
    allow_networks: Several = Field(default=(), description="private networks (CIDR) it may lead into")
    trusted_local: bool | Literal["private_network"] = Field(
        default=False,
        description="what must stay local may be sent to it: it is on this machine, or in the listed "
        "private networks, and passes nothing on",
    )
    drop_params: Several = Field(default=(), description="parameters of a call that it does not take")

    @field_validator("api_key_env")
    @classmethod
    def _check_variable(cls, value: str | None) -> str | None:
        if value is not None and not value.isidentifier():
            raise ValueError("this is not the name of an environment variable; never write the key itself")
        return value

    @model_validator(mode="after")
    def _whole_price(self) -> "UpstreamKeys":
        if (self.usd_per_1m_input is None) != (self.usd_per_1m_output is None):
            raise ValueError("give both prices, 'usd_per_1m_input' and 'usd_per_1m_output', or none")
        return self


class HumanKeys(Part):
    """People, who answer in the review queue."""

    kind: Literal["human"] = Field(description="what kind of tier it is")


TierKeys = Annotated[UpstreamKeys | HumanKeys, Field(discriminator="kind")]


class AuditKeys(Part):
    """The audit log."""

    contents: bool = Field(default=False, description="keep texts, not only their hashes")
    required: bool = Field(default=True, description="refuse calls while the audit log cannot be written")


class TraceKeys(Part):
    """Traces by OTLP."""

    endpoint: Words = Field(description="full address, e.g. http://127.0.0.1:4318/v1/traces")
    sampled: Unit = Field(default=1.0, description="share of the traces that is kept")


class LimitKeys(Part):
    """What one client may take of the gateway."""

    body_bytes: Whole = Field(default=16 << 20, description="largest body of a request")
    header_count: Whole = Field(default=100, description="most headers of a request")
    header_bytes: Whole = Field(default=32 << 10, description="largest sum of a request's headers")
    connections: Whole = Field(default=2048, description="connections and calls at once; above: 503")
    unpaid_per_minute: Whole = Field(
        default=600, description="feedback, and refused calls, of one key in a minute, each; above: 429"
    )
    held_bytes: Whole = Field(default=256 << 20, description="bodies held at once, of all; above: 503")
    slow_header_s: Positive = Field(default=10.0, description="longest time to send a request's headers")
    slow_body_s: Positive = Field(default=30.0, description="longest time to send a request's body")
    slow_reader_s: Positive = Field(default=30.0, description="longest time without reading a reply's bytes")
    keep_alive_s: Positive = Field(default=30.0, description="how long an idle connection is kept")

    @model_validator(mode="after")
    def _room_for_one(self) -> "LimitKeys":
        if self.held_bytes < self.body_bytes:
            raise ValueError(
                f"'held_bytes' ({self.held_bytes}) must be at least 'body_bytes' ({self.body_bytes})"
            )
        return self


class SiteFile(Part):
    """A site file, checked."""

    suffice: Literal[1] = Field(description="version of this schema")
    listen: Words = Field(default="127.0.0.1:8321", description="address and port")
    home: Words | None = Field(default=None, description="folder of the store, the audit log and the keys")
    models: Annotated[dict[Words, ModelKeys], Field(min_length=1)] = Field(
        description="what clients may name as `model`"
    )
    tiers: dict[Words, TierKeys] = Field(default_factory=dict, description="servers and people")
    privacy: dict[str, Any] = Field(default_factory=dict, description="what is done with private data")
    audit: AuditKeys = Field(default_factory=AuditKeys, description="the audit log")
    store: Words = Field(default="sqlite", description="`sqlite`, or the address of a PostgreSQL")
    traces: TraceKeys | None = Field(default=None, description="where traces are sent by OTLP")
    limits: LimitKeys = Field(default_factory=LimitKeys, description="what one client may take")
    public_url: Words | None = Field(default=None, description="address at which clients find the gateway")
    hosts: Several = Field(default=(), description="further names allowed in a request's Host header")
    offline: bool = Field(default=False, description="open no connection but to this machine")
    offline_allow: Several = Field(default=(), description="servers, host:port, reached even when offline")
    trusted_key: Words | None = Field(
        default=None, description="public key that certificates must be signed with"
    )
