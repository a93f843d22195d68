"""The cascade as a model: who answers, what is passed up, what it took."""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from suffice.cascade import REFERENCE, Cascade, Tier
from suffice.errors import ArtefactError, BudgetExceeded, ModelError
from suffice.ledger.store import RunStore
from suffice.models import artefact, registry, trust
from suffice.models import cascade as cascades
from suffice.models.cascade import CascadeModel
from suffice.models.fake import FakeModel, FakeSettings
from suffice.models.http.endpoint import Endpoint
from suffice.models.http.openai import OpenAIModel
from suffice.models.http.spend import Price, SpendAccount
from suffice.models.recorded import RecordedModel
from suffice.models.remembered import Calls
from suffice.ports import Answer, Model, Request, Usage


class Scripted:
    """A model that gives set answers by request text, and remembers what it was asked."""

    simulated = False

    def __init__(self, name: str, script: dict[str, Answer]) -> None:
        self.name = name
        self.script = script
        self.asked: list[list[str]] = []
        self.closed = 0

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns the script's answers."""
        self.asked.append([request.text for request in requests])
        return [self.script[request.text] for request in requests]

    async def close(self) -> None:
        """Counts."""
        self.closed += 1


class Broken(Scripted):
    """A model that cannot be reached."""

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Fails."""
        raise ModelError(f"no route to {self.name} for {len(requests)} requests")


def sure(text: str, **more: object) -> Answer:
    """Returns an answer that is trusted."""
    return Answer(text=text, confidence=0.95, **more)  # type: ignore[arg-type]


def unsure(text: str, **more: object) -> Answer:
    """Returns an answer that is not trusted."""
    return Answer(text=text, confidence=0.4, **more)  # type: ignore[arg-type]


def two_tiers(*, last: str = "large") -> Cascade:
    """Returns a cascade of `small`, kept from 0.9 on, and a last tier."""
    return Cascade(name="pair", tiers=(Tier(model="small", threshold=0.9), Tier(model=last)))


def ask(model: Model, *texts: str) -> list[Answer]:
    """Returns the answers to these texts."""
    return asyncio.run(model.answer([Request(text=text) for text in texts]))


def test_unsure_answers_are_passed_up_as_one_batch() -> None:
    """Trusted answers are kept; the rest goes up together, and order is kept."""
    small = Scripted("small", {"a": unsure("1"), "b": sure("2"), "c": unsure("3")})
    large = Scripted("large", {"a": sure("A"), "c": unsure("C")})
    given = ask(CascadeModel(two_tiers(), {"small": small, "large": large}), "a", "b", "c")
    assert [("A", "large"), ("2", "small"), ("C", "large")] == [(a.text, a.tier) for a in given]
    assert [["a", "c"]] == large.asked


def test_nothing_is_asked_of_the_large_model_when_all_is_trusted() -> None:
    """A request kept below costs nothing above."""
    large = Scripted("large", {})
    ask(CascadeModel(two_tiers(), {"small": Scripted("small", {"a": sure("1")}), "large": large}), "a")
    assert [] == large.asked


def test_latency_and_usage_of_tiers_add_up() -> None:
    """An escalated request waited for, and paid for, every tier it went through."""
    small = Scripted(
        "small", {"a": unsure("1", latency_ms=2.0, usage=Usage(input_tokens=3, output_tokens=1))}
    )
    large = Scripted("large", {"a": sure("A", latency_ms=5.0, usage=Usage(input_tokens=4, output_tokens=2))})
    [answer] = ask(CascadeModel(two_tiers(), {"small": small, "large": large}), "a")
    assert (7.0, Usage(input_tokens=7, output_tokens=3)) == (answer.latency_ms, answer.usage)


def test_unknown_latency_stays_unknown() -> None:
    """Where one tier does not say how long it took, the sum is not known either."""
    small = Scripted("small", {"a": unsure("1")})
    large = Scripted("large", {"a": sure("A", latency_ms=5.0)})
    [answer] = ask(CascadeModel(two_tiers(), {"small": small, "large": large}), "a")
    assert answer.latency_ms is None


def test_absent_reference_leaves_the_answer_open() -> None:
    """What only the reference may answer comes back without text, as escalated."""
    small = Scripted("small", {"a": unsure("1", latency_ms=2.0), "b": sure("2")})
    given = ask(CascadeModel(two_tiers(last=REFERENCE), {"small": small}), "a", "b")
    assert [(None, True, REFERENCE), ("2", False, "small")] == [(a.text, a.escalated, a.tier) for a in given]
    assert given[0].latency_ms == 2.0
    assert given[0].error is None


def test_present_reference_answers() -> None:
    """A reference that is there is a tier like any other."""
    models: dict[str, Model] = {
        "small": Scripted("small", {"a": unsure("1")}),
        REFERENCE: Scripted(REFERENCE, {"a": sure("R")}),
    }
    [answer] = ask(CascadeModel(two_tiers(last=REFERENCE), models), "a")
    assert ("R", False) == (answer.text, answer.escalated)


def test_a_failing_tier_passes_up_with_a_note() -> None:
    """An unreachable tier or a failed answer is the next tier's to answer, and the user is told."""
    large = Scripted("large", {"a": sure("A")})
    failed = Scripted("small", {"a": Answer(text=None, confidence=1.0, error="broken reply")})
    for small in (Broken("small", {}), failed):
        [answer] = ask(CascadeModel(two_tiers(), {"small": small, "large": large}), "a")
        assert ("A", None) == (answer.text, answer.error)
        assert any("small failed" in note for note in answer.notes)


def test_a_failing_last_tier_is_an_error() -> None:
    """Nobody is left to answer: the failure is raised."""
    models: dict[str, Model] = {"small": Scripted("small", {"a": unsure("1")}), "large": Broken("large", {})}
    with pytest.raises(ModelError, match="no route to large"):
        ask(CascadeModel(two_tiers(), models), "a")


def test_an_absent_answer_is_never_kept() -> None:
    """A threshold of 0 keeps every answer, but not the lack of one."""
    keep_all = Cascade(name="all", tiers=(Tier(model="small", threshold=0.0), Tier(model=REFERENCE)))
    small = Scripted("small", {"a": Answer(text=None, confidence=1.0), "b": Answer(text="2")})
    given = ask(CascadeModel(keep_all, {"small": small}), "a", "b")
    assert [True, False] == [a.escalated for a in given]


def test_novelty_escalates_a_confident_answer() -> None:
    """By default an answer on a foreign input is not trusted, however confident."""
    small = Scripted("small", {"a": sure("1", novelty=0.9)})
    by_default = CascadeModel(two_tiers(last=REFERENCE), {"small": small})
    by_confidence = CascadeModel(two_tiers(last=REFERENCE), {"small": small}, rule=trust.confidence)
    assert [True, False] == [ask(model, "a")[0].escalated for model in (by_default, by_confidence)]


def test_cascades_nest() -> None:
    """A cascade that ends open is a tier like any other: what it leaves open goes up."""
    inner = CascadeModel(
        two_tiers(last=REFERENCE),
        {"small": Scripted("small", {"a": unsure("1", latency_ms=1.0), "b": sure("2", latency_ms=1.0)})},
    )
    outer = Cascade(name="outer", tiers=(Tier(model="pair", threshold=0.9), Tier(model="large")))
    large = Scripted("large", {"a": sure("A", latency_ms=4.0)})
    given = ask(CascadeModel(outer, {"pair": inner, "large": large}), "a", "b")
    assert [("A", "large", 5.0), ("2", "small", 1.0)] == [(a.text, a.tier, a.latency_ms) for a in given]


def test_a_missing_tier_is_named() -> None:
    """A cascade whose tier is not given cannot be built."""
    with pytest.raises(ArtefactError, match="lacks its tier 'large'"):
        CascadeModel(two_tiers(), {"small": Scripted("small", {})})


def test_one_fake_makes_the_whole_simulated() -> None:
    """A cascade over a fake cannot be certified either."""
    fake = FakeModel(FakeSettings(labels=("x",)))
    real = Scripted("small", {})
    assert CascadeModel(two_tiers(), {"small": real, "large": fake}).simulated
    assert not CascadeModel(two_tiers(last=REFERENCE), {"small": real}).simulated


def test_close_reaches_every_tier() -> None:
    """Closing the cascade closes its models."""
    small, large = Scripted("small", {}), Scripted("large", {})
    asyncio.run(CascadeModel(two_tiers(), {"small": small, "large": large}).close())
    assert (1, 1) == (small.closed, large.closed)


def sealed_tier(folder: Path, name: str) -> Path:
    """Returns the folder of a recorded model that answers request `1` with its own name."""
    folder.mkdir()
    RecordedModel(name, {"1": name}).seal(folder)
    return folder


def test_round_trip(tmp_path: Path) -> None:
    """A sealed cascade holds its tiers, whatever their names, and escalates as before."""
    cascade = Cascade(
        name="pair",
        tiers=(
            Tier(model="lin/ear 1", threshold=0.5),
            Tier(model="b"),
        ),
    )
    folders = {"lin/ear 1": sealed_tier(tmp_path / "a", "a"), "b": sealed_tier(tmp_path / "b", "b")}
    cascades.seal(cascade, folders, out=tmp_path / "out", rule="confidence")
    model = registry.load(tmp_path / "out")
    [answer] = asyncio.run(model.answer([Request(text="", key="1")]))
    assert ("pair", "b") == (model.name, answer.text)


def test_paid_tiers_spend_from_the_account_they_are_loaded_with(tmp_path: Path) -> None:
    """However deep it lies, a paid tier knows the cap and its memory: what was answered costs nothing."""
    endpoint = Endpoint(
        base_url="http://127.0.0.1:9/v1", model="m", price=Price(usd_per_1m_input=1e6, usd_per_1m_output=1e6)
    )
    for name in ("paid", "inner", "outer"):
        (tmp_path / name).mkdir()
    paid = OpenAIModel(endpoint, name="paid", labels=("a", "b"))
    paid.seal(tmp_path / "paid")
    one_tier = Cascade(name="one", tiers=(Tier(model="tier"),))
    for part, whole in (("paid", "inner"), ("inner", "outer")):
        cascades.seal(one_tier, {"tier": tmp_path / part}, out=tmp_path / whole)
    requests = [Request(text="x", key="known"), Request(text="y", key="new")]

    def asked(cap_usd: float | None, requests: Sequence[Request]) -> list[Answer]:
        with contextlib.closing(RunStore(tmp_path / "store")) as store:
            store.keep_answers(paid.identity, {"known": Answer(text="a")})
            account = SpendAccount(cap_usd=cap_usd)
            calls = Calls(account=account, store=store, progress=lambda *_: None)
            return asyncio.run(registry.load(tmp_path / "outer", calls=calls).answer(requests))

    assert ["a"] == [answer.text for answer in asked(None, requests[:1])]
    with pytest.raises(BudgetExceeded, match="no spend cap is set"):
        asked(None, requests)
    with pytest.raises(BudgetExceeded, match=r"passes the cap of \$0\.5000"):
        asked(0.5, requests)
    with pytest.raises(BudgetExceeded, match="no spend cap is set"):
        asyncio.run(registry.load(tmp_path / "outer").answer(requests[:1]))


def test_a_changed_tier_is_refused(tmp_path: Path) -> None:
    """One changed byte in a tier's folder and the cascade is not loaded."""
    cascade = Cascade(name="one", tiers=(Tier(model="a"),))
    cascades.seal(cascade, {"a": sealed_tier(tmp_path / "a", "a")}, out=tmp_path / "out")
    (tmp_path / "out/tiers/0/answers.jsonl").write_text("{}")
    with pytest.raises(ArtefactError, match="does not match"):
        registry.load(tmp_path / "out")


@pytest.mark.parametrize("place", ["../a", "/", 5])
def test_a_tier_outside_the_cascade_is_refused(tmp_path: Path, place: object) -> None:
    """A tier's folder that the cascade's hashes do not cover is never opened."""
    sealed_tier(tmp_path / "a", "a")
    settings = {"name": "one", "tiers": [{"model": "a", "threshold": None}], "trust": "confidence"}
    (tmp_path / "out").mkdir()
    artefact.seal(tmp_path / "out", kind="cascade", settings={**settings, "folders": {"a": place}})
    with pytest.raises(ArtefactError, match="the cascade's settings are damaged"):
        registry.load(tmp_path / "out")


def test_sealing_without_a_tier_is_refused(tmp_path: Path) -> None:
    """Every tier but the reference needs its folder; an unknown trust rule is named."""
    cascade = Cascade(name="one", tiers=(Tier(model="a"),))
    with pytest.raises(ArtefactError, match="lacks the folder of its tier 'a'"):
        cascades.seal(cascade, {}, out=tmp_path)
    with pytest.raises(ArtefactError, match="unknown trust rule 'luck'"):
        cascades.seal(cascade, {}, out=tmp_path, rule="luck")
