"""A made-up site for tests of pages: fakes of the pages' sources, with events of every kind."""

# ruff: noqa: ARG001, ARG002 - a fake takes what the door it stands for takes

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.testclient import TestClient

from suffice.clock import FakeClock
from suffice.ports import Usage
from suffice.serve.call import Caller
from suffice.serve.errors import NotAuthenticated
from suffice.serve.event import Event
from suffice.serve.key import SCOPES, Key, Limits, Spent
from suffice.serve.reply import Place, Step, Verdict
from suffice.serve.route import Route
from suffice.serve.store.records import Kept, Latency, Money, Rate, Ticket, TicketState, Traffic
from suffice.web.attempts import Attempts
from suffice.web.pages import app_of
from suffice.web.sessions import Sessions
from suffice.web.sources import CheckFacts, Checkpoint, Said, SiteFacts, TierFacts, Verification
from suffice.web.visit import Pages

NOW = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)
HOST = "http://127.0.0.1:8321"
EVIL = '<script>alert("x")</script>{{ 7 * 7 }}<img src=x onerror=alert(1)>'
CERTIFICATE = {
    "standing": "valid",
    "sha256": "ab" * 32,
    "key_id": "SHA256:u0xh4ZPzF1pXv0vY7cTq",
    "folder": "/srv/runs/tickets",
    "task": "tickets",
    "chosen": "linear-distilled -> encoder @ 0.760",
    "statement": "linear-distilled -> encoder @ 0.760 has accuracy at most 2 points below "
    "imaginary-large-1's; the whole search errs with probability at most 0.04.",
    "target": "non_inferior",
    "metric": "accuracy",
    "threshold": 0.02,
    "alpha": 0.05,
    "alpha_spent": 0.04,
    "n": 462,
    "labels": 114,
    "judge_labels": 0,
    "calls": 1386,
    "issued_at": "2026-11-22T06:57:15+00:00",
    "distribution_note": "It holds for inputs that come about as the certify rows did. It says nothing about "
    "other traffic: watch for drift.",
    "measurements": {},
}
EXPLANATION = {
    "rungs": [
        {
            "name": "linear-distilled",
            "threshold": 0.76,
            "score": 0.41,
            "is_kept": False,
            "is_absent": False,
            "text": "delivery",
            "confidence": 0.52,
            "novelty": 0.11,
            "trust": 0.41,
            "probabilities": [["delivery", 0.52], ["refund", 0.31], ["account", 0.17]],
            "reasons": [
                {"evidence": "parcel", "weight": 1.4, "kind": "ngram"},
                {"evidence": "money back", "weight": -0.8, "kind": "ngram"},
            ],
            "tokens": [],
            "error": None,
            "notes": [],
        },
        {
            "name": "encoder",
            "threshold": None,
            "score": None,
            "is_kept": True,
            "is_absent": False,
            "text": "refund",
            "confidence": 0.93,
            "novelty": 0.08,
            "trust": None,
            "probabilities": [["refund", 0.93], ["delivery", 0.05], ["account", 0.02]],
            "reasons": [
                {"evidence": "I want my money back for a lost parcel", "weight": 0.91, "kind": "example"},
                {"evidence": "The parcel never came, please refund", "weight": 0.87, "kind": "example"},
            ],
            "tokens": [["re", 0.96], ["fund", 0.41]],
            "error": None,
            "notes": ["only the first 256 tokens were read"],
        },
    ]
}
SMALL = Step(
    tier="small",
    place=Place.LOCAL,
    verdict=Verdict.ANSWERED,
    latency_ms=1.4,
    model="linear-distilled",
    confidence=0.97,
    trust=0.91,
    novelty=0.06,
    threshold=0.76,
)
UNSURE = Step(
    tier="small",
    place=Place.LOCAL,
    verdict=Verdict.ESCALATED,
    why="trust 0.41 is below the certified threshold 0.76",
    latency_ms=1.6,
    model="encoder",
    confidence=0.52,
    trust=0.41,
    novelty=0.31,
    threshold=0.76,
)
LARGE = Step(
    tier="large", place=Place.REMOTE, verdict=Verdict.ANSWERED, latency_ms=412.0, model="imaginary-large-1"
)


def event(number, **changes):
    """Returns one event; even numbers are answered here, odd ones were passed up."""
    up = number % 2 == 1
    given = {
        "id": f"req-{number:04d}",
        "at": NOW - timedelta(minutes=7 * number),
        "key_id": "k1",
        "route": "tickets",
        "operation": "chat",
        "requested_model": "tickets",
        "status": 200,
        "tier": "large" if up else "small",
        "place": Place.REMOTE if up else Place.LOCAL,
        "model": "imaginary-large-1" if up else "linear-distilled",
        "steps": (UNSURE, LARGE) if up else (SMALL,),
        "escalated": up,
        "left_machine": up,
        "certificate": None if up else "ab" * 32,
        "usage": Usage(input_tokens=21, output_tokens=2),
        "cost_usd": 0.00066 if up else 0.00000008,
        "reference_usd": 0.00066,
        "latency_ms": 415.0 if up else 1.6,
        "request_sha256": "12" * 32,
        "response_sha256": "34" * 32,
    }
    return Event(**(given | changes))


@dataclass
class FakeReads:
    """The store as the pages see it, from lists in memory."""

    kept: list = field(default_factory=list)
    open_tickets: list = field(default_factory=list)
    rates: tuple = ()
    asked_for: list = field(default_factory=list)

    def _seen(self, key_id):
        self.asked_for.append(key_id)
        return [one for one in self.kept if key_id is None or one.key_id == key_id]

    async def events(self, key_id, wanted=None):
        """Returns events with their place in the list as number, newest first."""
        numbered = [Kept(number=1000 - at, event=one) for at, one in enumerate(self._seen(key_id))]
        if wanted is None:
            return numbered
        return [
            kept
            for kept in numbered
            if (wanted.before is None or kept.number < wanted.before)
            and wanted.route in {None, kept.event.route}
            and wanted.tier in {None, kept.event.tier}
            and wanted.by_key in {None, kept.event.key_id}
            and wanted.failed in {None, bool(kept.event.error)}
        ][: wanted.limit]

    async def event(self, key_id, call_id):
        """Returns the event of this id."""
        found = [one for one in self._seen(key_id) if one.id == call_id]
        return Kept(number=1, event=found[0]) if found else None

    async def traffic(self, key_id, *, span, bucket_s=3600):
        """Returns calls by stretch of time."""
        counts = {}
        for one in self._seen(key_id):
            start = datetime.fromtimestamp(one.at.timestamp() // bucket_s * bucket_s, UTC)
            if one.at >= span.since:
                key = (start, one.route, one.tier)
                calls, failed = counts.get(key, (0, 0))
                counts[key] = (calls + 1, failed + bool(one.error))
        return [
            Traffic(at=at, route=route, tier=tier, calls=calls, failed=failed)
            for (at, route, tier), (calls, failed) in sorted(counts.items())
        ]

    async def latency(self, key_id, *, span):
        """Returns the same percentiles for each tier that answered."""
        tiers = sorted({one.tier for one in self._seen(key_id) if one.tier})
        times = {"small": (1.4, 3.9, 9.2), "large": (402.0, 880.0, 1400.0)}
        return [
            Latency(tier=tier, n=200, **dict(zip(("p50_ms", "p95_ms", "p99_ms"), times[tier], strict=True)))
            for tier in tiers
        ]

    async def money(self, key_id, *, span):
        """Returns the sums over the events."""
        n = len(self._seen(key_id))
        return Money(
            calls=n,
            cost_usd=0.012 * n if n else None,
            cost_n=n,
            reference_usd=0.066 * n if n else None,
            reference_n=n,
            saved_usd=0.054 * n if n else None,
            compared_n=n,
            input_tokens=21 * n if n else None,
            output_tokens=2 * n if n else None,
            tokens_n=n,
        )

    async def escalation(self, key_id, *, span):
        """Returns the share that was passed up."""
        seen = self._seen(key_id)
        if not seen:
            return []
        up = sum(one.escalated for one in seen)
        return [rate("tickets", "", up, len(seen))]

    async def quality(self, key_id, *, span):
        """Returns the given rates."""
        return self.rates

    async def feedback(self, key_id, *, before=None, limit=50):
        """Returns none."""
        return []

    async def tickets(self, key_id, *, state=TicketState.OPEN, limit=50):
        """Returns the tickets in a state."""
        return [one for one in self.open_tickets if state in {None, one.state}][:limit]

    async def ticket(self, key_id, ticket_id):
        """Returns the ticket of this id."""
        seen = [one for one in self.open_tickets if key_id in {None, one.key_id}]
        return next((one for one in seen if one.id == ticket_id), None)


def rate(route, tier, count, n):
    """Returns a rate with an interval of its own making."""
    share = count / n
    return Rate(
        route=route,
        tier=tier,
        count=count,
        n=n,
        rate=share,
        lower=max(0.0, share - 0.04),
        upper=min(1.0, share + 0.03),
        level=0.95,
        method="betting",
    )


@dataclass
class FakeKeys:
    """The key book, the door and the spending in one: a key's secret is its id."""

    keys: dict = field(default_factory=dict)

    async def find(self, key_id):
        """Returns the key of an id."""
        return self.keys.get(key_id)

    async def all_keys(self):
        """Returns all keys."""
        return list(self.keys.values())

    async def authenticate(self, authorization):
        """Returns the owner of `Bearer <id>`."""
        key = self.keys.get((authorization or "").removeprefix("Bearer "))
        if key is None or key.revoked_at is not None:
            raise NotAuthenticated("this key is not known here, or was revoked")
        scopes = frozenset(SCOPES) if "admin" in key.scopes else key.scopes
        return Caller(key_id=key.id, name=key.name, scopes=scopes)

    def admit(self, caller, route):
        """Lets everybody in."""

    def admit_unpaid(self, caller, kind):
        """Lets everything be left behind."""

    def charge(self, caller, event):
        """Counts nothing."""

    async def spent_since(self, since):
        """Returns what k1 used."""
        return {"k1": Spent(requests=412, tokens=9_400, usd=0.31)}


def key(name, *scopes, **changes):
    """Returns a key whose id is its name."""
    given = {
        "id": name,
        "name": {"k1": "laptop", "boss": "operations"}.get(name, name),
        "secret_sha256": "5e" * 32,
        "created_at": NOW - timedelta(days=3),
        "scopes": frozenset(scopes),
    }
    return Key(**(given | changes))


def ticket(**changes):
    """Returns an open ticket."""
    given = {
        "id": "tkt_01",
        "at": NOW - timedelta(minutes=12),
        "key_id": "k1",
        "route": "tickets",
        "call_id": "req-0099",
        "body": {
            "model": "tickets",
            "messages": [
                {"role": "system", "content": "Sort tickets."},
                {"role": "user", "content": "My parcel came open and the invoice is somebody else's."},
            ],
        },
        "steps": (UNSURE,),
        "expires_at": NOW + timedelta(hours=20),
    }
    return Ticket(**(given | changes))


def fake_site(**changes):
    """Returns what the made-up gateway serves."""
    given = {
        "url": f"{HOST}/v1",
        "routes": (
            Route(name="tickets", tiers=("small", "large", "staff"), reference="large"),
            Route(name="urgency", tiers=("urgency",), escalate_below=0.8),
        ),
        "tiers": (
            TierFacts(
                name="small",
                place=Place.LOCAL,
                status="valid",
                model="linear-distilled -> encoder @ 0.760",
                certificate=CERTIFICATE,
                waiting=0,
            ),
            TierFacts(name="urgency", place=Place.LOCAL, status="uncertified"),
            TierFacts(
                name="old",
                place=Place.LOCAL,
                status="refused",
                why="/srv/runs/old/certificate.json differs from what was signed: a byte was changed",
            ),
            TierFacts(
                name="large",
                place=Place.REMOTE,
                provider="mistral",
                model="imaginary-large-1",
                breaker="closed",
                waiting=0,
            ),
            TierFacts(name="staff", place=Place.HUMAN),
        ),
        "version": "0.1.0",
        "started_at": NOW - timedelta(hours=5),
    }
    return SiteFacts(**(given | changes))


class FakeAudit:
    """An audit log that holds, or does not."""

    def __init__(self, problems=()):
        self.problems = problems
        self.verified = 0

    async def last(self):
        """Returns a checkpoint."""
        return Checkpoint(records=18_304, head="9f" * 32, at=NOW - timedelta(minutes=1), folder="audit")

    async def verify(self):
        """Returns the given problems."""
        self.verified += 1
        checks = [CheckFacts(name="chain", is_met=True, detail="no record was changed")]
        checks += [CheckFacts(name="segments", is_met=False, detail=problem) for problem in self.problems]
        blind = ("whoever holds the signing key could write another log",)
        return Verification(
            records=18_304, events=18_204, checks=tuple(checks), blind=blind, duration_ms=812.0
        )


@dataclass
class Made:
    """A made-up gateway's pages with everything behind them, and a browser on them."""

    pages: Pages
    client: TestClient
    reads: FakeReads
    keys: FakeKeys
    answers: list
    asks: list

    def log_in(self, name="boss"):
        """Logs the browser in with a key."""
        page = self.client.get("/login")
        token = page.text.partition('name="token" value="')[2].partition('"')[0]
        return self.client.post("/login", data={"token": token, "key": name}, headers=own_page())


def own_page():
    """Returns what a browser says of a form on this site's own page."""
    return {"origin": HOST, "sec-fetch-site": "same-origin"}


def token_of(page):
    """Returns the token of a page's own form, which comes after the log-out's."""
    return page.text.rpartition('name="token" value="')[2].partition('"')[0]


def made(*, events=(), tickets=(), rates=(), site=None, audit=None, explain=True, clock=None):
    """Returns the pages of a made-up gateway."""
    clock = clock or FakeClock(NOW)
    reads = FakeReads(kept=list(events), open_tickets=list(tickets), rates=tuple(rates))
    keys = FakeKeys(
        {
            "boss": key("boss", "admin"),
            "k1": key(
                "k1",
                "call",
                "view",
                limits=Limits(requests_per_day=1000, usd_per_day=0.3),
                last_used_at=NOW - timedelta(seconds=40),
            ),
            "k2": key("k2", "call", "view"),
            "reviewer": key("reviewer", "review"),
            "caller": key("caller", "call", "tiers"),
            "sender": key("sender", "feedback"),
            "gone": key("gone", "admin", revoked_at=NOW - timedelta(days=1)),
        }
    )
    answers, asks = [], []

    async def answer_ticket(ticket_id, answer, *, by):
        answers.append((ticket_id, answer, by.key_id))

    async def explaining(tier, request):
        return EXPLANATION if tier == "small" else None

    async def ask(caller, *, route, text, wishes):
        asks.append((caller.key_id, route, text, wishes))
        up = wishes.skip_to is not None
        return Said(event=event(1 if up else 2, key_id=caller.key_id, id="req-ask"), text="refund")

    pages = Pages(
        site=lambda: site or fake_site(),
        door=keys,
        keys=keys,
        reads=reads,
        sessions=Sessions(clock=clock, secret=b"s" * 32),
        attempts=Attempts(clock),
        clock=clock,
        spending=keys,
        ask=ask,
        explain=explaining if explain else None,
        answer_ticket=answer_ticket,
        audit=audit or FakeAudit(),
    )
    client = TestClient(app_of(pages), base_url=HOST, follow_redirects=False)
    return Made(pages=pages, client=client, reads=reads, keys=keys, answers=answers, asks=asks)
