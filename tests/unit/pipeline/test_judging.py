"""Judges are opened from files and folders, known by bytes and names, and see what they need of rows."""

import asyncio
import contextlib
import dataclasses
import json
from types import SimpleNamespace

import pytest

from suffice import fingerprint
from suffice.errors import DataError, SpecError
from suffice.ledger.store import RunStore
from suffice.models import artefact
from suffice.models.fake import FakeModel, FakeSettings
from suffice.models.recorded import RecordedModel
from suffice.pipeline.judged_rows import case_of, judged_rows, ratings_of
from suffice.pipeline.prepare import _about_rows
from suffice.pipeline.rows import Rows
from suffice.pipeline.rungs.judge_family import candidate_names, check_bytes, check_family, judge_names
from suffice.pipeline.rungs.judging import open_judging
from suffice.pipeline.rungs.open_rungs import Workbench
from suffice.readers.task_file import spec_of
from suffice.score.judge.asking import Case, Mode, asked
from suffice.score.judge.family import families_of
from suffice.task import Kind, Sample, Split
from tests.unit.models.gguf import tiny_gguf

SMALL = {"kind": "recorded", "name": "small", "answers": "small"}


def spec(base, judge, *, ladder=(SMALL,), reference=None):
    """Returns a task whose metric is a judge."""
    told = {
        "version": 1,
        "name": "made",
        "kind": "generate",
        "data": "rows.jsonl",
        "target": "want",
        "judge": judge,
        "bars": {"quality": {"metric": "judge", "target": "absolute", "at_least": 0.8}},
        "ladder": list(ladder) if ladder else "auto",
    }
    return spec_of(told | ({"reference": reference} if reference else {}), base=base)


def sample(number, **recorded):
    """Returns a row with a truth, a reference's answer and what is recorded."""
    return Sample(
        key=f"{number:064x}",
        text=f"which city {number}?",
        target="Rome",
        reference="It is Rome.",
        source=f"rows.jsonl, line {number}",
        recorded=recorded,
    )


def rows_of(samples):
    """Returns rows that are dev and certify alike."""
    return Rows(
        splits={Split.TRAIN: (), Split.DEV: tuple(samples), Split.CERTIFY: tuple(samples)},
        labels=(),
        targets_are_reference=False,
        total=len(samples),
        labelled_share=1.0,
        imbalance=None,
        findings=(),
        fingerprints={},
        kind=Kind.GENERATE,
    )


@pytest.fixture(name="bench")
def _bench(tmp_path):
    """Returns what makes a workbench of rows."""
    with (
        contextlib.closing(RunStore(tmp_path / "work")) as store,
        asyncio.Runner() as runner,
        contextlib.ExitStack() as closing,
    ):
        blank = dict.fromkeys(field.name for field in dataclasses.fields(Workbench))

        def made(samples):
            told = {
                "rows": rows_of(samples),
                "store": store,
                "runner": runner,
                "closing": closing,
                "progress": lambda *_: None,
                "offline": True,
                "seed": 0,
            }
            return Workbench(**{**blank, **told})

        yield made


@pytest.mark.slow
def test_a_decoder_in_a_file_chooses_among_the_verdicts(tmp_path, bench):
    """Weights of chance say something readable of every answer, and are known by their bytes."""
    pytest.importorskip("xllamacpp", reason="the extra gguf serves GGUF files")
    tiny_gguf.write_byte_bpe(tmp_path / "overseer.gguf", context=8192)
    here = bench([sample(number, small=f"Rome {number}") for number in range(3)])
    judging = open_judging(spec(tmp_path, {"file": "overseer.gguf"}), here)
    cases = [Case(request="which city?", beside="Rome")] * 2
    judged = here.runner.run(judging.scorer.judge(cases, ["Rome", "Oslo"]))
    assert {0.0, 1.0} >= {one.worth for one in judged}
    assert ({}, True, 64) == (judging.scorer.unreadable, judging.is_alone, len(judging.weights))
    again = open_judging(spec(tmp_path, {"file": "overseer.gguf"}), here)
    assert judging.identity == again.identity
    rubric = open_judging(spec(tmp_path, {"file": "overseer.gguf", "rubric": "Be strict."}), here)
    assert judging.identity != rubric.identity


def test_a_model_that_suffice_made_judges(tmp_path, bench):
    """Any folder of a model will do, as long as it asks no servers by itself and is real."""
    (request,) = asked(Case(request="which city 1?", beside="Rome"), "Rome!", Mode.GRADE)
    (tmp_path / "made").mkdir()
    RecordedModel("overseer", {request.key: "correct"}).seal(tmp_path / "made")
    judging = open_judging(spec(tmp_path, {"artefact": "made"}), bench([sample(1, small="Rome!")]))
    case = case_of(sample(1), Mode.GRADE, has_reference=False)
    (judged,) = asyncio.run(judging.scorer.judge([case], ["Rome!"]))
    assert (1.0, "made") == (judged.worth, judging.name)
    with pytest.raises(SpecError, match="the judge 'made' has the very bytes of the candidate 'one'"):
        check_bytes(judging, [SimpleNamespace(name="one", fingerprint=judging.weights)])


def test_a_judge_that_is_made_up_or_calls_servers_or_is_not_there_is_refused(tmp_path, bench):
    """Each with what to do."""
    here = bench([sample(1, small="Rome!")])
    with pytest.raises(SpecError, match="is no folder"):
        open_judging(spec(tmp_path, {"artefact": "nowhere"}), here)
    with pytest.raises(SpecError, match="is no file"):
        open_judging(spec(tmp_path, {"file": "nowhere.gguf"}), here)
    for name, kind in (("cascade", "cascade"), ("openai", "openai")):
        (tmp_path / name).mkdir()
        artefact.seal(tmp_path / name, kind=kind, settings={"name": name})
        with pytest.raises(SpecError, match=f"of kind {kind}, which may call servers"):
            open_judging(spec(tmp_path, {"artefact": name}), here)
    (tmp_path / "fake").mkdir()
    FakeModel(FakeSettings(name="fake", labels=("correct", "incorrect"))).seal(tmp_path / "fake")
    with pytest.raises(SpecError, match="simulated"):
        open_judging(spec(tmp_path, {"artefact": "fake"}), here)


def test_recorded_verdicts_answer_the_questions_of_their_order(tmp_path, bench):
    """The first field is about the answer standing first; what nobody recorded is not there."""
    judge = {"name": "big", "mode": "compare", "verdicts": {"small": ["one", "two"]}}
    verdicts = {"judge.verdicts:small:0": "A", "judge.verdicts:small:1": "B"}
    here = bench([sample(1, small="Rome!", **verdicts)])
    judging = open_judging(spec(tmp_path, judge), here)
    (judged,) = asyncio.run(judging.scorer.judge([Case(request="which city 1?", beside="Rome")], ["Rome!"]))
    assert (1.0, ("A", "B")) == (judged.worth, judged.verdicts)


def test_other_metrics_have_no_judging_model(tmp_path, bench):
    """Nothing is opened."""
    told = spec(tmp_path, {"artefact": "x"}).model_dump(mode="json", exclude={"judge"})
    told["bars"]["quality"]["metric"] = "exact_match"
    assert None is open_judging(spec_of(told, base=tmp_path), bench([]))


@pytest.mark.parametrize(
    ("judge", "candidate", "message"),
    [
        ("gpt-4o", {**SMALL, "name": "gpt-4o-mini"}, "both of the family GPT"),
        (
            "overseer",
            {"kind": "openai", "base_url": "http://127.0.0.1:1/v1", "model": "overseer"},
            "are the same model",
        ),
        ("overseer", {"kind": "gguf", "method": "prompt", "file": "Overseer-Qwen2-q8.gguf"}, None),
        ("qwen-max", {"kind": "gguf", "method": "prompt", "file": "Overseer-Qwen2-q8.gguf"}, "family Qwen"),
        ("llama-3", {"kind": "gguf", "method": "tiny", "name": "llama-shaped"}, None),
        ("llama-3", {"kind": "gguf", "method": "lora", "base": "Llama-3.2-1B"}, "family Llama"),
        ("my-own, of Llama", {**SMALL, "name": "tinyllama"}, "family Llama"),
        ("gpt-4o", {**SMALL, "name": "mistral-7b"}, None),
    ],
)
def test_only_a_judge_of_another_family_is_evidence_alone(tmp_path, judge, candidate, message):
    """Names of candidates, endpoints and files count; what is trained from scratch has no family."""
    tiny_gguf.write_byte_bpe(tmp_path / "Overseer-Qwen2-q8.gguf")
    judge, _, family = judge.partition(", of ")
    told = {"openai": {"base_url": "http://127.0.0.1:1/v1", "model": judge}}
    task = spec(tmp_path, {**told, "family": family or None}, ladder=(candidate,))
    alone = SimpleNamespace(name=judge, is_alone=True, weights="")
    if message is None:
        assert (judge == "overseer") == bool(check_family(task, alone))
        return
    with pytest.raises(SpecError, match=message) as raised:
        check_family(task, alone)
    assert "judge.human" in raised.value.hint
    assert () == check_family(task, SimpleNamespace(name=judge, is_alone=False, weights=""))


def test_the_same_file_is_the_same_model(tmp_path):
    """Whatever it is called."""
    tiny_gguf.write_byte_bpe(tmp_path / "a.gguf")
    task = spec(
        tmp_path, {"file": "a.gguf"}, ladder=({"kind": "gguf", "method": "prompt", "file": "a.gguf"},)
    )
    same = SimpleNamespace(name="a.gguf", is_alone=True, weights=fingerprint.of_file(tmp_path / "a.gguf"))
    with pytest.raises(SpecError, match="are the same model"):
        check_family(task, same)


def test_a_student_is_of_its_teachers_family_and_files_tell_theirs(tmp_path):
    """A distilled or quantised model has its teacher's ways."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text(json.dumps({"_name_or_path": "Qwen/Qwen2.5-0.5B"}))
    task = spec(
        tmp_path,
        {"artefact": "made"},
        ladder=(
            {"kind": "gguf", "name": "big", "method": "full", "base": "base"},
            {"kind": "gguf", "name": "student", "method": "quantise", "teacher": "big", "type": "q4_0"},
        ),
    )
    known = {c.rung.name: c.rung for c in task.ladder}
    teacher = dataclasses.replace(known["big"], settings=(("base", str(tmp_path / "base")),))
    names = candidate_names(known["student"], {**known, "big": teacher})
    assert {"Qwen"} == families_of(*names)
    (tmp_path / "made").mkdir()
    artefact.seal(
        tmp_path / "made", kind="gguf", settings={"name": "mine", "weights": {"from": "gemma-2-2b.gguf"}}
    )
    assert {"Gemini and Gemma"} == families_of(*judge_names(task.judge, task))


def test_answers_are_judged_beside_the_truth_or_the_reference():
    """Compared with the reference's answer where the task has a reference."""
    row = sample(1)
    assert "Rome" == case_of(row, Mode.GRADE, has_reference=True).beside
    assert "It is Rome." == case_of(row, Mode.COMPARE, has_reference=True).beside
    assert "Rome" == case_of(row, Mode.COMPARE, has_reference=False).beside
    assert None is case_of(dataclasses.replace(row, target=None), Mode.GRADE, has_reference=True)


def test_peoples_ratings_are_known_by_the_text(tmp_path):
    """All answers rated, or the row has no label; the same text of two models has the mean."""
    human = {"human": {"small": "a", "other": "b"}, "mode": "compare", "artefact": "x"}
    ladder = (SMALL, {**SMALL, "name": "other", "answers": "other"})
    judge = spec(tmp_path, human, ladder=ladder, reference={"answers": "large"}).judge
    both = {"judge.human:small": "win", "judge.human:other": "0"}
    rated = sample(1, small="Rome!", other="Oslo", **both)
    assert {"Rome!": 1.0, "Oslo": 0.0, "It is Rome.": 0.5} == ratings_of(rated, judge, has_reference=True)
    alike = sample(1, small="Rome!", other="Rome!", **both)
    assert {"Rome!": 0.5} == ratings_of(alike, judge, has_reference=False)
    silent = sample(1, other="Oslo", **both)
    assert {"Oslo": 0.0} == ratings_of(silent, judge, has_reference=False)
    partly = sample(1, small="Rome!", other="Oslo", **{"judge.human:small": "win"})
    assert None is ratings_of(partly, judge, has_reference=True)
    with pytest.raises(DataError, match="line 1: the human label 'great'"):
        ratings_of(sample(1, small="Rome!", **{"judge.human:small": "great"}), judge, has_reference=True)


def test_people_stand_in_the_truths_place_and_the_case_in_the_judges(tmp_path):
    """Without people's labels the case stands in the truth's place; partly rated rows are told."""
    human = spec(tmp_path, {"artefact": "x", "human": {"small": "ok"}}).judge
    samples = [sample(1, small="Rome!", **{"judge.human:small": "1"}), sample(2, small="Rome")]
    seen, notes = judged_rows(rows_of(samples), human, has_reference=False)
    first, second = seen.splits[Split.CERTIFY]
    assert {"ratings": {"Rome!": 1.0}} == first.target
    assert (None, {"request": "which city 2?", "beside": "Rome"}) == (second.target, second.judge)
    assert () == notes
    alone = spec(tmp_path, {"artefact": "x"}).judge
    seen, _ = judged_rows(rows_of(samples), alone, has_reference=False)
    assert ({"request": "which city 1?", "beside": "Rome"}, None) == (
        seen.splits[Split.DEV][0].target,
        seen.splits[Split.DEV][0].judge,
    )


def test_rows_without_what_a_judge_needs_are_an_error(tmp_path):
    """No truth to grade by, or no person's label where the task names some."""
    bare = [dataclasses.replace(sample(1, small="Rome!"), target=None)]
    with pytest.raises(DataError, match="none of 1 dev rows has it"):
        judged_rows(rows_of(bare), spec(tmp_path, {"artefact": "x"}).judge, has_reference=False)
    human = spec(tmp_path, {"artefact": "x", "human": {"small": "ok"}}).judge
    with pytest.raises(DataError, match="none of 1 dev rows has people's labels"):
        judged_rows(rows_of([sample(1, small="Rome!")]), human, has_reference=False)


def test_another_rubric_reads_no_row_again(tmp_path):
    """What a judge is told is no part of the rows' identity; its fields in them are."""
    one, other = (
        spec(tmp_path, {"artefact": "x", "rubric": rubric, "human": {"small": field}})
        for rubric, field in (("Be kind.", "ok"), ("Be strict.", "ok"))
    )
    assert _about_rows(one) == _about_rows(other)
    assert _about_rows(one) != _about_rows(spec(tmp_path, {"artefact": "x", "human": {"small": "fine"}}))
    spec_of(json.loads(json.dumps(_about_rows(one))), base=tmp_path)
