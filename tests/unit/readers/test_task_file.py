"""The task file: what is accepted, and what each mistake is told."""

import json
from pathlib import Path

import pytest

from suffice.bar import Metric, QualityBar, ResourceBars, Target
from suffice.candidate import Candidate
from suffice.errors import SpecError
from suffice.readers.task_file import read_spec, spec_of
from suffice.task import Kind

FULL = """\
version: 1
name: support-intents
kind: classify
data: tickets.jsonl
input: text
target: label
reference: {answers: gpt_answer, usd_per_1m_input: 2.5, usd_per_1m_output: 10.0, latency_ms: 600}
bars:
  quality: {metric: accuracy, target: non_inferior, margin: 2e-2}
  latency_p95_ms: 50
  memory_mb: 512
  cost_usd_per_1k: 0.05
alpha: 0.05
minimise: cost
ladder: auto
"""


def complaint(folder: Path, text: str) -> tuple[str, str]:
    """Returns the message, without the folder, and the hint."""
    path = folder / "task.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    return caught.value.message.replace(f"{folder}/", ""), caught.value.hint or ""


def test_reads_the_example_of_the_manual(tmp_path: Path) -> None:
    """Every key arrives with its value; 2e-2 is a number; what is left out has its default."""
    path = tmp_path / "task.yaml"
    path.write_text(FULL)
    spec = read_spec(path)
    assert QualityBar(metric=Metric.ACCURACY, target=Target.NON_INFERIOR, margin=0.02) == spec.quality_bar
    assert ResourceBars(latency_p95_ms=50.0, memory_mb=512.0, cost_usd_per_1k=0.05) == spec.resource_bars
    assert Kind.CLASSIFY is spec.kind
    assert ("tickets.jsonl",) == spec.data.files
    assert tmp_path / "tickets.jsonl" == spec.path("tickets.jsonl")
    assert spec.ladder is None
    assert spec.reference is not None
    assert (2.5, 600.0) == (spec.reference.usd_per_1m_input, spec.reference.latency_ms)
    assert (0.5, 0.15, 0.35) == (spec.splits.train, spec.splits.dev, spec.splits.certify)


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        (
            "  quality:",
            "  qualtiy:",
            "task.yaml, line 9: unknown key 'bars.qualtiy'",
            "did you mean 'quality'?",
        ),
        ("margin", "margn", "task.yaml, line 9: unknown key 'bars.quality.margn'", "did you mean 'margin'?"),
        ("minimise", "minimize", "task.yaml, line 14: unknown key 'minimize'", "did you mean 'minimise'?"),
        ("alpha:", "label: x\nalpha:", "task.yaml, line 13: unknown key 'label'", "did you mean 'target'?"),
        ("alpha:", "margin: 1\nalpha:", "line 13: unknown key 'margin'", "belongs under 'bars.quality'"),
        ("alpha:", "base: /\nalpha:", "line 13: unknown key 'base'", ""),
        ("kind: classify", "kind: clasify", "line 3: 'kind' is 'clasify'", "did you mean 'classify'?"),
        ("alpha: 0.05", "alpha: 0.7", "line 13: 'alpha' is 0.7; it should be less than or equal to 0.5", ""),
        ("alpha: 0.05", "alpha: 0", "line 13: 'alpha' is 0; it should be greater than 0", ""),
        ("alpha: 0.05", "alpha: .nan", "line 13: 'alpha' is nan", ""),
        ("name: support-intents", "name: 5", "line 2: 'name' is 5", "put it in quotes"),
        ("version: 1", "version: 2", "line 1: 'version' is 2; it should be 1", ""),
        ("version: 1\n", "", "the key 'version' is missing", "docs/task-file.md"),
        ("alpha: 0.05", "alpha: 1\nalpha: 2", "the key 'alpha' stands twice, first on line 13", ""),
        ("  latency", "\tlatency", "line 10: a tab is used to indent", "two spaces"),
        ("name: support", "name: a: b", "line 2: this is not YAML", "the line reads"),
        (
            "gpt_answer",
            "gpt_answer, api_key: sk-1",
            "unknown key 'reference.api_key'",
            "environment variable",
        ),
        ("data: tickets.jsonl", "data: {trian: a}", "unknown key 'data.trian'", "did you mean 'train'?"),
        ("data: tickets.jsonl", "data: 7", "line 4: 'data' is 7; it should be keys with values", ""),
        ("data: tickets.jsonl", "data: {dev: a}", "need 'train' beside them", ""),
        ("data: tickets.jsonl", "data: {batch_output: a}", "give one of: a path", ""),
        ("ladder: auto", "ladder: atuo", "'atuo' is neither auto nor a list", ""),
        ("ladder: auto", "splits: {train: .5, dev: .5, certify: .5}", "the shares must sum to 1", ""),
    ],
)
def test_names_the_place_of_a_mistake_and_the_way_out(
    tmp_path: Path, old: str, new: str, message: str, hint: str
) -> None:
    """A wrong key or value is told with line, dotted path and the nearest right one."""
    assert FULL.count(old) >= 1
    found_message, found_hint = complaint(tmp_path, FULL.replace(old, new))
    assert message in found_message
    assert hint in found_hint


@pytest.mark.parametrize(
    ("quality", "message"),
    [
        ("{target: non_inferior, at_least: 0.9}", "takes the threshold 'margin'; found 'at_least'"),
        ("{target: absolute, at_least: 0.9, margin: 0.1}", "found 'at_least' and 'margin'"),
        ("{target: agreement}", "takes the threshold 'at_most'; found none"),
        (
            "{metric: recall_at_false_alarm, target: absolute, at_least: 0.9}",
            "needs 'positive' and 'false_alarm'",
        ),
        ("{target: absolute, at_least: 0.9, positive: spam}", "belongs to metric recall_at_false_alarm"),
        ("{metric: macro_f1, target: non_inferior, margin: 0.1}", "held against target absolute only"),
        ("{target: absolute, at_least: 1}", "no number of rows can show a quality of 1"),
    ],
)
def test_refuses_bars_that_do_not_fit(tmp_path: Path, quality: str, message: str) -> None:
    """A bar has exactly the threshold of its target, and only the settings of its metric."""
    old = "{metric: accuracy, target: non_inferior, margin: 2e-2}"
    assert message in complaint(tmp_path, FULL.replace(old, quality))[0]


def test_comparing_targets_need_a_reference(tmp_path: Path) -> None:
    """Without a reference there is nothing to be non-inferior to."""
    lines = [line for line in FULL.splitlines() if not line.startswith("reference")]
    assert "add 'reference'" in complaint(tmp_path, "\n".join(lines))[0]


def test_reads_an_explicit_ladder(tmp_path: Path) -> None:
    """Candidates get names from their kind, and every further key is a setting."""
    ladder = """ladder:
  - {kind: linear, bits: 8}
  - {kind: linear, method: distil, teacher: linear}
  - {kind: recorded, answers: phi3, size_b: 3.8}
  - {kind: openai, base_url: 'http://127.0.0.1:11434/v1', model: small}
"""
    path = tmp_path / "task.yaml"
    path.write_text(FULL.replace("ladder: auto\n", ladder))
    spec = read_spec(path)
    rungs = [candidate.rung for candidate in spec.ladder or ()]
    assert ["linear", "linear-distil", "recorded-phi3", "openai-small"] == [rung.name for rung in rungs]
    assert Candidate(name="linear", kind="linear", settings=(("bits", 8),)) == rungs[0]
    assert {"recorded-phi3": "phi3"} == spec.recorded_fields


@pytest.mark.parametrize(
    ("candidate", "message"),
    [
        ("{kind: recorded}", "'ladder[0].answers' is missing"),
        ("{kind: recorded, answers: a, sise_b: 1}", "unknown key 'ladder[0].sise_b'"),
        ("{kind: openai, base_url: 'ftp://x', model: m}", "'ftp://x' is not an http"),
        ("{kind: openai, base_url: 'http://me:pass@x/v1', model: m}", "must not carry a user or a key"),
        ("{kind: openai, base_url: 'http://x', model: m, api_key_env: sk-123}", "never write the key itself"),
        ("{kind: linear, sizes: [1]}", "setting 'sizes' must be"),
        ("{kind: linear, name: reference}", "the name 'reference' is that of the model in use now"),
        ("{kind: linaer}", "'ladder[0].kind' is 'linaer'"),
    ],
)
def test_refuses_candidates_that_cannot_be(tmp_path: Path, candidate: str, message: str) -> None:
    """Candidates of closed kinds are checked key by key; secrets never stand in the file."""
    found, _ = complaint(tmp_path, FULL.replace("ladder: auto", f"ladder:\n  - {candidate}"))
    assert message in found


def test_two_candidates_need_two_names(tmp_path: Path) -> None:
    """Names tell candidates apart."""
    ladder = "ladder: [{kind: linear}, {kind: linear, bits: 4}]"
    assert (
        "two candidates of the ladder are named 'linear'"
        in complaint(tmp_path, FULL.replace("ladder: auto", ladder))[0]
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds empty, not keys with values"),
        ("just words", "holds 'just words', not keys"),
        ("a: &a [*a]", "expand beyond"),
        ("[" * 700, "nested too deep"),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        ("a: 1\n---\na: 2", "expected a single document"),
        ("? [1, 2]\n: 3", "a key must be a word"),
    ],
)
def test_refuses_hostile_and_foreign_yaml(tmp_path: Path, text: str, message: str) -> None:
    """No code, no exploding documents, no second document."""
    assert message in complaint(tmp_path, text)[0]


def test_aliases_do_not_explode(tmp_path: Path) -> None:
    """Nine layers of nine aliases (a billion laughs) are refused at once."""
    layers = ["a: &a0 [x, x, x, x, x, x, x, x, x]"]
    layers += [f"b{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert "expand beyond" in complaint(tmp_path, "\n".join(layers))[0]


def test_an_unreadable_task_file_is_told(tmp_path: Path) -> None:
    """A missing file, a folder, a huge file and another encoding are named."""
    with pytest.raises(SpecError, match="No such file"):
        read_spec(tmp_path / "none.yaml")
    with pytest.raises(SpecError, match="is a folder"):
        read_spec(tmp_path)
    (tmp_path / "big.yaml").write_bytes(b"#" * (1 << 21))
    with pytest.raises(SpecError, match="at most 1,048,576"):
        read_spec(tmp_path / "big.yaml")
    (tmp_path / "latin.yaml").write_bytes("version: 1\nname: caf\xe9\n".encode("latin-1"))
    with pytest.raises(SpecError, match="line 2: byte 20 is not UTF-8"):
        read_spec(tmp_path / "latin.yaml")


def test_python_callers_hear_the_same(tmp_path: Path) -> None:
    """A mapping is checked like a file."""
    with pytest.raises(SpecError, match="unknown key 'nmae'") as caught:
        spec_of({"version": 1, "nmae": "x"}, base=tmp_path)
    assert "did you mean 'name'?" == caught.value.hint


def test_a_spec_survives_json(tmp_path: Path) -> None:
    """What a finished step keeps of a task file gives the same spec again."""
    path = tmp_path / "task.yaml"
    ladder = "ladder: [{kind: linear, bits: 4}, {kind: recorded, answers: phi, size_b: 3.8}]"
    for text in (
        FULL,
        FULL.replace("ladder: auto", ladder),
        FULL.replace("tickets.jsonl", "{train: [a, b]}"),
    ):
        path.write_text(text)
        spec = read_spec(path)
        assert spec == spec_of(json.loads(spec.model_dump_json()), base=tmp_path)
