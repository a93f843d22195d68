"""The report as one HTML file."""

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from suffice.bar import Target, Verdict
from suffice.report import numbers, page
from suffice.report.facts import (
    CandidateFacts,
    ChosenFacts,
    ConfusionFacts,
    ConfusionMatrix,
    DataFacts,
    EvidenceFacts,
    Facts,
    SliceFacts,
    TaskFacts,
)
from tests.unit.report.made_up import FACTS, INCONCLUSIVE

pytestmark = pytest.mark.slow  # each page draws up to ten charts

_VOID = {"meta", "br", "link", "img", "hr", "input"}
_INLINE = {"bdi", "strong", "code"}
HOSTILE = "<script>alert('x')</script>\"&'</style>$a$ 😀 مرحبا"


class _Page(HTMLParser):
    """Checks that elements close in order, and keeps what a test asks for."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in _INLINE:
            self.text.append(" ")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text.append(data)

    @property
    def words(self) -> str:
        """Returns the visible text with white space folded."""
        return " ".join("".join(self.text).split())


@pytest.fixture(scope="module")
def passed() -> str:
    """Returns the page of a run that passed."""
    return page.render(FACTS)


def test_elements_are_closed_in_order(passed: str) -> None:
    """A browser need not guess."""
    assert [] == _Page(passed).open


def test_the_page_needs_nothing_from_outside(passed: str) -> None:
    """No script, no address, and a policy that would block both."""
    seen = _Page(passed)
    assert not {"script", "link", "img", "iframe", "object"} & seen.tags
    references = [value for _, name, value in seen.attributes if name in {"src", "href", "xlink:href"}]
    assert all(value.startswith("#") for value in references)
    assert not re.search(r"https?://|@import|url\((?!#)", passed)
    policy = next(value for _, name, value in seen.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none'")


def test_identifiers_are_unique_and_references_lead_somewhere(passed: str) -> None:
    """Ten drawings on one page do not get into each other's way."""
    ids = [value for _, name, value in _Page(passed).attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"(?:url\(|href=\")#([\w.-]+)", passed)) <= set(ids)


def test_the_verdict_comes_first_with_its_sentence(passed: str) -> None:
    """Verdict, sentence and next step stand above everything else."""
    words = _Page(passed).words
    start = words.index("Pass minilm-head is the cheapest choice shown to meet your bar")
    assert start < words.index("Next: Serve it") < words.index("What was tried")


def test_each_candidate_shows_all_its_figures_and_its_reason(passed: str) -> None:
    """What was measured stands with n and interval; what was not says so."""
    words = _Page(passed).words
    for candidate in FACTS.candidates:
        why = candidate.why.replace("`", "")
        assert why in words
        expected = [numbers.size(candidate.bytes), numbers.size(candidate.memory_bytes)]
        expected += [numbers.money(candidate.cost_usd_per_1k), numbers.energy(candidate.energy_j)]
        if candidate.quality is not None:
            ends = numbers.interval(candidate.quality.lower, candidate.quality.upper)
            expected.append(f"{numbers.share(candidate.quality.estimate)} {ends}, n 600")
        if candidate.latency_ms is not None:
            expected.append(f"{numbers.duration(candidate.latency_ms.p50)} / ")
            expected.append(numbers.duration(candidate.latency_ms.p95))
        row = words[words.index(f"{candidate.name} {candidate.kind}") :]
        row = row[: row.index(why)]
        assert [] == [text for text in expected if text not in row]


def test_the_proof_is_in_words_and_numbers(passed: str) -> None:
    """Order, budget, evidence, labels, bound and ratio, files and key are all there."""
    words = _Page(passed).words
    for text in (
        "With probability at least 95% the accuracy of minilm-head",
        "tested from the dearest down",
        "Of the error budget of 5%, all was spent; it was the first time these rows were looked at",
        "288 certify rows, 61 labels and 576 model answers",
        "fewer than about 251 rows on average; this one used 1.15 times as many",
        "1. minilm-head 5% 23.7 of 20 needed 288 61 Pass",
        "2. linear-distilled 5% 6.20 of 20 needed 400 97 Inconclusive",
        "It holds for requests like the 400 certify rows; watch for drift.",
        "ab12" * 16,
        "ed25519:7d11",
    ):
        assert text in words


def test_the_rest_of_the_facts_is_there(passed: str) -> None:
    """Slices, confusions, calibration, escalation, money, data, environment and notes."""
    words = _Page(passed).words
    for text in (
        "label: refund_status 74.2% 55.4 to 88.1, n 31",
        "23% (7 of 31)",
        "expected calibration error, is 2.1% (n 600)",
        "passes 23.0% of requests up (19.7 to 26.6, n 600)",
        "Break-even 64,560 requests a month",
        "machine: 20.00 $ a month",
        "Rows with a label 62.0%",
        "Largest / rarest label 6.40",
        "31 rows are near-duplicates",
        "x86_64, a made-up laptop, 2 cores, 8.32 GB",
        "onnxruntime 1.23.2",
        "suffice run task.yaml --out runs/support-intents --seed 7",
        "Made-up numbers for the tests",
        "Energy per request 500 mJ not measured Not known this machine shows no energy counter",
    ):
        assert text in words


def test_simulated_numbers_are_marked(passed: str) -> None:
    """Nobody takes a made-up model's numbers for real ones."""
    assert "Simulated." in _Page(passed).words
    assert "Simulated." not in _Page(page.render(dataclasses.replace(BARE, simulated=False))).words


def test_charts_come_in_two_widths_with_words(passed: str) -> None:
    """Each chart has a drawing for wide and one for small screens, both with a description."""
    seen = _Page(passed)
    assert 5 == passed.count('class="wide"') == passed.count('class="narrow"')
    described = [value for tag, name, value in seen.attributes if (tag, name) == ("svg", "aria-label")]
    assert 10 == len(described)
    assert all(len(text) > 40 for text in described)
    widths = [value for tag, name, value in seen.attributes if (tag, name) == ("svg", "width")]
    assert 368 == min(int(width) for width in widths)


def test_colours_are_the_pages_own(passed: str) -> None:
    """No fixed colour is left in a drawing, so that dark pages stay legible."""
    drawings = "".join(re.findall(r"<svg.*?</svg>", passed, flags=re.DOTALL))
    assert [] == re.findall(r"(?:fill|stroke): #[0-9a-f]{6}", drawings)


def test_an_inconclusive_run_says_what_to_do() -> None:
    """No model is praised; the next step names the number of rows."""
    words = _Page(page.render(INCONCLUSIVE)).words
    assert "Inconclusive The rows at hand cannot tell yet" in words
    assert "Next: Label about 240 more rows" in words
    assert "cost of the chosen model: no model was chosen" in words
    assert "Fingerprint" not in words


BARE = Facts(
    verdict=Verdict.FAIL,
    chosen=None,
    target=Target.ABSOLUTE,
    alpha=0.05,
    evidence=EvidenceFacts(n=0, labels=0, calls=0),
    candidates=(),
    certificate=None,
    report=None,
    task=TaskFacts(name="bare", kind="classify", metric="accuracy", target_text="a bar", threshold=0.9),
    data=DataFacts(rows=0, train=0, dev=0, certify=0, labelled_share=0.0, labels=0),
)


def test_facts_without_any_optional_part_still_make_a_page() -> None:
    """Nothing but the verdict is enough; what is missing is not invented."""
    words = _Page(page.render(BARE)).words
    assert "Not met No smaller model was shown to meet your bar: a bar." in words
    assert "Today, per 1,000 not measured" in words


def _hostile() -> Facts:
    candidate = CandidateFacts(
        name=HOSTILE, kind=HOSTILE, bytes=1, verdict=Verdict.PASS, why=HOSTILE,
        quality=FACTS.candidates[0].quality, latency_ms=FACTS.candidates[0].latency_ms,
        cost_usd_per_1k=0.5, why_unmeasured={"energy_j": HOSTILE},
    )  # fmt: skip
    return dataclasses.replace(
        FACTS,
        chosen=ChosenFacts(name=HOSTILE, kind=HOSTILE, bytes=1, fingerprint=HOSTILE, tiers=(HOSTILE,)),
        candidates=(candidate, *FACTS.candidates),
        tests=tuple(dataclasses.replace(test, name=HOSTILE) for test in FACTS.tests),
        task=dataclasses.replace(FACTS.task, name=HOSTILE, target_text=HOSTILE),
        data=dataclasses.replace(FACTS.data, findings=(HOSTILE,)),
        confusions=(ConfusionFacts(wanted=HOSTILE, answered=HOSTILE, count=1, of=2),),
        confusion_matrix=ConfusionMatrix(wanted=(HOSTILE,), answered=(HOSTILE,), counts=((3,),)),
        slices=(SliceFacts(name=HOSTILE, n=1, estimate=0.0, lower=0.0, upper=0.9),),
        cost=dataclasses.replace(FACTS.cost, assumptions=(HOSTILE,)),
        sentence=HOSTILE,
        notes=(HOSTILE,),
        command=HOSTILE,
    )


def test_texts_of_the_user_stay_texts() -> None:
    """A label that looks like a script, runs from right to left or holds an emoji is only shown."""
    html = page.render(_hostile())
    seen = _Page(html)
    assert [] == seen.open
    assert "script" not in seen.tags
    assert [] == [name for _, name, _ in seen.attributes if name.startswith("on")]
    assert HOSTILE in seen.words
    assert "<bdi>" in html


def _broken(text: str) -> dict[str, Any]:
    return {
        "notes": (text,),
        "confusions": (ConfusionFacts(wanted=text, answered="\x00", count=1, of=2),),
        "candidates": tuple(dataclasses.replace(one, name=f"{one.name} {text}") for one in FACTS.candidates),
        "chosen": None,
        "tests": (),
        "calibration": None,
    }


def test_what_is_to_be_typed_is_set_as_code() -> None:
    """Commands between backticks become code; a lone backtick stays one, and nothing escapes the escaping."""
    html = page.render(dataclasses.replace(BARE, next_step="type `suffice <b>`", notes=("a ` b",)))
    assert "type <code>suffice &lt;b&gt;</code>" in html
    assert "<bdi>a ` b</bdi>" in html


def test_a_lone_surrogate_does_not_stop_the_report(tmp_path: Path) -> None:
    """Broken text from the data reaches the page as a replacement sign."""
    facts = dataclasses.replace(FACTS, **_broken("broken \ud800 text"))
    page.write(facts, tmp_path / "report.html")
    assert "broken \ufffd text" in (tmp_path / "report.html").read_text(encoding="utf-8")
