"""Proving and exporting: exact windows, honest verdicts, and the command line's exit codes."""

import dataclasses
import json
from datetime import timedelta

import pytest

from suffice.certify.signature import keys_in
from suffice.cli.main import main
from suffice.errors import ArtefactError, NotCertified
from suffice.serve.audit import exported
from suffice.serve.audit.log import Terms
from suffice.serve.audit.prove import prove_never_left
from suffice.serve.audit.verify import verify
from suffice.serve.reply import Place, Step, Verdict
from tests.unit.serve.audit.conftest import TERMS
from tests.unit.serve.audit.test_log import SteppingClock
from tests.unit.serve.made_events import NOON, made_event

PHI = frozenset({"phi", "email"})


def written(bench, *events, terms=TERMS):
    """Writes events and closes the log."""
    with bench.open(terms=terms) as log:
        for event in events:
            log.write(event)


def proof_of(bench, data_class="phi", **given):
    """Returns what the log shows."""
    return prove_never_left(bench.folder, bench.key, data_class, **given)


def run(capsys, *arguments):
    """Returns exit code and standard output of `suffice audit-log`."""
    with pytest.raises(SystemExit) as left:
        main(["audit-log", *map(str, arguments)])
    return left.value.code, capsys.readouterr().out


def test_no_call_with_the_class_left(bench):
    """How many held it, in which window, under which policy."""
    written(bench, made_event(0), made_event(1, data_classes=PHI), made_event(2, left_machine=True))
    proof = proof_of(bench)
    assert (True, 3, 1, 0) == (proof.holds, proof.calls, proof.with_class, proof.left)
    assert (4, 6) == (proof.first_seq, proof.last_seq)
    assert [(2, True)] == [(policy.from_seq, policy.is_looked_for) for policy in proof.policies]


@pytest.mark.parametrize("masked", [True, False])
def test_a_call_that_left_is_counted_masked_or_not(bench, masked):
    """Masked calls left too: the verdict says no, and how many were masked."""
    written(bench, made_event(0, data_classes=PHI, left_machine=True, masked=masked))
    proof = proof_of(bench)
    assert (False, 1, int(masked), (4,)) == (proof.holds, proof.left, proof.left_masked, proof.examples)


def test_what_left_without_being_looked_into_proves_nothing(bench):
    """A picture may show anything: that no text held the class is no proof; one that stayed is."""
    blind = frozenset({"uninspected"})
    written(bench, made_event(0), made_event(1, data_classes=blind))
    assert proof_of(bench).holds
    written(bench, made_event(2, data_classes=blind, left_machine=True))
    proof = proof_of(bench)
    assert (False, 1) == (proof.holds, proof.not_looked)
    assert "unknown" in proof.verdict


def test_a_class_nobody_looked_for_proves_nothing(bench):
    """That no call was found to hold it is no proof that none did."""
    written(bench, made_event(0), terms=dataclasses.replace(TERMS, looked_for=frozenset({"email"})))
    proof = proof_of(bench)
    assert (False, 1) == (proof.holds, proof.not_looked)
    assert "was not looked for" in proof.verdict


def test_a_stretch_without_the_detector_is_not_passed_over(bench):
    """The policy changed and changed back: the calls between are counted as unknown."""
    with bench.open() as log:
        log.write(made_event(0))
        log.declare(Terms(certificates=TERMS.certificates))
        log.write(made_event(1))
        log.declare(TERMS)
        log.write(made_event(2))
    proof = proof_of(bench)
    assert (False, 1) == (proof.holds, proof.not_looked)
    assert [True, False, True] == [policy.is_looked_for for policy in proof.policies]


def test_an_empty_log_proves_nothing(bench):
    """No call is no evidence."""
    written(bench)
    assert "no signed call" in proof_of(bench).verdict


def test_a_log_that_does_not_verify_proves_nothing(bench):
    """The first check that fails is named."""
    written(bench, made_event(0, data_classes=PHI, left_machine=True))
    text = bench.file.read_bytes().replace(b'"left_machine":true', b'"left_machine":false')
    bench.file.write_bytes(text)
    with pytest.raises(NotCertified, match="shows nothing: chain"):
        proof_of(bench)


def test_calls_after_the_newest_checkpoint_are_told_apart(bench):
    """They are not in the window; one that left is no less a leak."""
    log = bench.open()
    log.write(made_event(0, data_classes=PHI))
    log.checkpoint()
    log.write(made_event(1, data_classes=PHI))
    first = proof_of(bench)
    log.write(made_event(2, data_classes=PHI, left_machine=True))
    second = proof_of(bench)
    log.close()
    assert (True, 1, 1, 4) == (first.holds, first.calls, first.unsigned, first.last_seq)
    assert (False, 2, 1) == (second.holds, second.unsigned, second.unsigned_left)


def hourly(bench, count=4):
    """Writes one call an hour."""
    moments = [NOON] * 5 + [NOON + timedelta(hours=hour) for hour in range(count)]
    with bench.open(SteppingClock(*moments)) as log:
        for number in range(count):
            log.write(made_event(number, data_classes=PHI))


def test_a_window_of_time_is_proved_exactly(bench):
    """From `since` on, before `until`."""
    hourly(bench)
    proof = proof_of(bench, since=NOON + timedelta(hours=1), until=NOON + timedelta(hours=3))
    assert (True, 2, 5, 6) == (proof.holds, proof.calls, proof.first_seq, proof.last_seq)


def test_an_exported_window_verifies_and_proves_elsewhere(bench, tmp_path):
    """With the public key alone: no folder, no anchor; a changed or shortened one does not hold."""
    hourly(bench)
    out = tmp_path / "window.jsonl"
    span = {"since": NOON + timedelta(hours=1), "until": NOON + timedelta(hours=3)}
    window = exported.export(bench.folder, out, bench.keys, SteppingClock(NOON), **span)
    found = verify(out, bench.key)
    assert (True, 2, 6, 3) == (found.holds, window.first_seq, window.last_seq, found.events)
    proof = prove_never_left(out, bench.key, "phi", since=NOON + timedelta(hours=1))
    assert (True, 2, 0) == (proof.holds, proof.calls, proof.unsigned)
    whole = out.read_bytes()
    lines = whole.splitlines(keepends=True)
    edited = whole.replace(b"tickets", b"tockets", 1)
    for changed in (edited, b"".join(lines[:-1]), b"".join([lines[0], *lines[2:]])):
        out.write_bytes(changed)
        assert not verify(out, bench.key).holds
    other = keys_in(tmp_path / "other").private.public_key()
    out.write_bytes(whole)
    assert not verify(out, other).holds
    out.write_text("no export")
    with pytest.raises(ArtefactError, match="no exported audit log"):
        verify(out, bench.key)


def test_the_command_tells_by_its_exit_code(bench, capsys, tmp_path):
    """0 holds, 1 does not, 2 a mistake, such as a class there is none of, 3 it cannot tell."""
    written(bench, made_event(0, data_classes=PHI))
    code, out = run(capsys, "verify", bench.folder, "--json")
    told = json.loads(out)
    assert (0, True, 1, "log") == (code, told["holds"], told["events"], bench.folder.name)
    code, out = run(capsys, "prove", bench.folder, "--class", "phi", "--never-left", "local")
    assert 0 == code
    assert "holds: none of the 1 calls with phi left this machine" in out
    code, out = run(capsys, "prove", bench.folder, "--class", "iban", "--never-left", "local", "--json")
    assert (3, 1) == (code, json.loads(out)["not_looked"])
    out = run(capsys, "prove", bench.folder, "--class", "iban", "--never-left", "local")[1]
    assert "NOT SHOWN: unknown: iban was not looked for" in out
    code, out = run(capsys, "prove", bench.folder, "--class", "emails", "--never-left", "local", "--json")
    assert (2, "did you mean email?") == (code, json.loads(out)["hint"])
    place = tmp_path / "window.jsonl"
    code, out = run(capsys, "export", bench.folder, "--out", place, "--json")
    assert (0, bench.keys.key_id) == (code, json.loads(out)["key_id"])
    assert 0 == run(capsys, "verify", place, "--key", bench.keys.public_file)[0]
    bench.file.write_bytes(bench.file.read_bytes().replace(b"tickets", b"tockets", 1))
    assert 1 == run(capsys, "verify", bench.folder)[0]
    assert 1 == run(capsys, "export", bench.folder, "--out", place)[0]
    assert 1 == run(capsys, "prove", bench.folder, "--class", "phi", "--never-left", "local")[0]
    for wrong in (("verify", tmp_path / "none"), ("verify", place, "--key", place), ("prove", bench.folder)):
        assert 2 == run(capsys, *wrong)[0]
    bench.file.write_bytes(b"")
    assert 1 == run(capsys, "verify", bench.folder)[0]
    assert 2 == run(capsys, "export", bench.folder, "--out", place, "--since", "yesterday")[0]


def test_servers_trusted_as_local_are_named_with_what_they_were_sent(bench):
    """What the site calls local counts as stayed, and the verdict says on whose word."""
    sent = made_event(
        1, data_classes=PHI, place=Place.TRUSTED_LOCAL, steps=(trusted_step("ollama", Verdict.FAILED),)
    )
    skipped = made_event(2, data_classes=PHI, steps=(trusted_step("ollama", Verdict.SKIPPED),))
    policy = {**TERMS.policy, "trusted_local": {"ollama": "127.0.0.1:11434", "idle": "127.0.0.1:1"}}
    written(bench, made_event(0), sent, skipped, terms=dataclasses.replace(TERMS, policy=policy))
    proof = proof_of(bench)
    told = [(server.tier, server.calls, server.with_class) for server in proof.trusted]
    assert [("idle", 0, 0), ("ollama", 1, 1)] == told
    assert proof.holds
    assert proof.verdict.endswith("trusts as local (ollama at 127.0.0.1:11434 was sent 1 of them)")


def test_a_call_that_was_broken_off_may_have_been_sent_to_a_trusted_server(bench):
    """Who hangs up leaves no steps: the count must not be too low for that."""
    hung_up = made_event(1, data_classes=PHI, local_only=True, steps=(), status=499)
    refused = made_event(2, data_classes=PHI, steps=(), status=429)
    policy = {**TERMS.policy, "trusted_local": {"ollama": "127.0.0.1:11434"}}
    written(bench, hung_up, refused, terms=dataclasses.replace(TERMS, policy=policy))
    (ollama,) = proof_of(bench).trusted
    assert (1, 1) == (ollama.calls, ollama.with_class)


def trusted_step(tier, verdict):
    """Returns a step at a server that the site trusts as local."""
    return Step(tier=tier, place=Place.TRUSTED_LOCAL, verdict=verdict)
