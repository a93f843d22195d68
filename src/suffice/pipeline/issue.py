"""Issuing: the bundle is written, then the certificate about its very bytes, signed."""

import dataclasses
from pathlib import Path

from suffice import __version__, files, fingerprint
from suffice.bar import QualityBar, Target
from suffice.bundle import remove_bundle, write_bundle
from suffice.certificate import Certificate, HypothesisRecord
from suffice.certify import evidence, statement
from suffice.certify.search_result import Tested
from suffice.certify.signature import keys_in, sign
from suffice.pipeline.prove import Proof
from suffice.pipeline.tell.findings import Findings
from suffice.report.facts import ServedFile
from suffice.report.words import target_words

DISTRIBUTION_NOTE = (
    "It holds for inputs that come about as the certify rows did (exchangeable with them), one of each "
    "cluster of near-duplicates. It says nothing about other traffic: watch for drift."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Issued:
    """A certificate as it was issued: with the files it is about, and the key that signed it."""

    certificate: Certificate
    files: tuple[ServedFile, ...]
    key_id: str


def issue(findings: Findings, *, folder: Path, keys: Path) -> Issued | None:
    """Returns the certificate, written and signed beside the bundle; None, and neither, without a pass.

    Raises:
        OutputError: the run folder or the key's folder cannot be written to.
    """
    chosen, proof = findings.chosen, findings.proof
    if chosen is None or proof is None:
        _withdraw(folder)
        return None
    cascade = chosen.system.cascade
    bundle = folder / statement.BUNDLE
    folders = {rung.name: rung.folder for rung in findings.rungs if rung.name in cascade.local_models}
    write_bundle(
        bundle,
        cascade,
        folders,
        spec=findings.spec,
        rule=findings.grading.rule,
        reads_chats=findings.rows.are_chats,
    )
    certificate = _certificate(findings, chosen, proof)
    payload = statement.statement_bytes(certificate, bundle)
    signer = keys_in(keys)
    files.write_bytes(folder / statement.FILE, payload)
    files.write_text(folder / statement.ENVELOPE, sign(payload, signer))
    served = tuple(
        ServedFile(path=f"{statement.BUNDLE}/{name}", sha256=sha, bytes=(bundle / name).stat().st_size)
        for name, sha in fingerprint.of_folder(bundle).items()
    )
    return Issued(certificate=certificate, files=served, key_id=signer.key_id)


def _withdraw(folder: Path) -> None:
    """Removes what an earlier run with another outcome left: it must not look like this run's."""
    with files.writable(folder):
        remove_bundle(folder / statement.BUNDLE)
        for name in (statement.FILE, statement.ENVELOPE):
            (folder / name).unlink(missing_ok=True)


def _certificate(findings: Findings, chosen: Tested, proof: Proof) -> Certificate:
    task, result = findings.task, proof.result
    return Certificate(
        task=task.name,
        chosen=chosen.system.cascade.name,
        statement=_statement(chosen, task.quality, proof.look.alpha, findings),
        target=task.quality.target.value,
        metric=task.quality.metric.value,
        threshold=task.quality.threshold,
        alpha=task.alpha,
        alpha_spent=proof.look.alpha,
        look=proof.look.number,
        order=result.order,
        tests=tuple(_record(test) for test in result.in_order),
        n=chosen.n,
        labels=result.labels_used,
        judge_labels=result.judge_labels_used,
        calls=chosen.calls,
        e_value=chosen.e_value,
        bound_n=chosen.bound_n,
        ratio=None if not chosen.bound_n else chosen.n / chosen.bound_n,
        data={**findings.rows.fingerprints, "evidence": fingerprint.of_bytes(proof.evidence)},
        cascade=dataclasses.asdict(chosen.system.cascade) | {"trust": findings.grading.rule},
        measurements={
            rung.name: [dataclasses.asdict(m) for m in rung.measurements]
            for rung in findings.rungs
            if rung.name in chosen.system.cascade.local_models
        },
        seed=findings.seed,
        versions={"suffice": __version__, **dict(findings.environment.versions)},
        environment=dataclasses.asdict(findings.environment),
        distribution_note=_note(findings, proof),
        issued_at=findings.now,
    )


def _note(findings: Findings, proof: Proof) -> str:
    note = DISTRIBUTION_NOTE
    if proof.rows.two_stage:
        note += " The labelled rows are taken to be a random part of all certify rows."
    if findings.sole_judge:
        note += (
            f" No person has labelled any answer: right or wrong is what the judge {findings.sole_judge} "
            f"said of {proof.result.judge_labels_used:,} rows, an opinion and no truth. The claim is about "
            "its verdicts; what they are worth is not known."
        )
    elif proof.result.judge_labels_used:
        note += (
            f" {proof.result.judge_labels_used:,} labels of a judge took part beside "
            f"{proof.result.labels_used:,} truths, to make them go further; none was taken for a truth, and "
            "the claim holds however good the judge is. The labelled rows are taken to be a random part of "
            "the rows, which the judge labelled like the others, without the truth before it."
        )
    elif findings.judging is not None:
        note += " The rows whose answers people labelled are taken to be a random part of all rows."
    if findings.task.quality.fixed_n:
        note += " Each system was tested once, on all rows, by an exact test chosen before they were seen."
    if findings.rows.targets_are_reference:
        note += " There was no truth: answers were compared with the reference's, which are not truth."
    return note


def _statement(chosen: Tested, bar: QualityBar, alpha: float, findings: Findings) -> str:
    name = findings.reference.name if findings.reference is not None else "the reference"
    kind = "label-free: " if bar.target is Target.AGREEMENT else ""
    return (
        f"{chosen.system.cascade.name} has {kind}{_target(bar, name, findings)}; the whole search errs "
        f"with probability at most {alpha:.4g}."
    )


def _target(bar: QualityBar, reference: str, findings: Findings) -> str:
    return target_words(bar, reference=reference, sole_judge=findings.sole_judge)


def _record(test: Tested) -> HypothesisRecord:
    return HypothesisRecord(
        hypothesis=test.system.cascade.name,
        verdict=test.verdict.value,
        alpha=test.alpha,
        e_value=test.e_value,
        p_value=test.p_value,
        n=test.n,
        labels=test.labels,
        judge_labels=test.judge_labels,
        calls=test.calls,
        evidence=evidence.FILE,
    )
