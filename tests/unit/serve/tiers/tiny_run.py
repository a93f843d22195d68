"""Run folders as `suffice run` leaves them, made in a second: a real linear rung, a real certificate."""

import asyncio
from pathlib import Path

from suffice.adapt.encoder.embedding_head import HeadMethod
from suffice.adapt.linear.fit import LinearMethod
from suffice.bundle import write_bundle
from suffice.candidate import Candidate
from suffice.cascade import REFERENCE, Cascade, Tier
from suffice.certificate import Certificate
from suffice.certify import statement
from suffice.certify.signature import keys_in, sign
from suffice.ledger.home import home
from suffice.ports import Request
from suffice.readers.task_file import spec_of
from suffice.serve.call import Call, Caller, Operation
from tests.contract import tiny
from tests.unit.adapt import toy_desk

TASK = {
    "version": 1,
    "name": "desk",
    "kind": "classify",
    "data": "rows.jsonl",
    "input": "text",
    "target": "label",
    "bars": {"quality": {"target": "absolute", "at_least": 0.8}},
}


def linear(folder: Path, *, n: int = 160, name: str = "linear") -> Path:
    """Returns the folder of a linear rung that knows the toy desk."""
    folder.mkdir(parents=True)
    LinearMethod().apply(
        Candidate(name=name, kind="linear", method="linear"),
        toy_desk.rows(n),
        out=folder,
        teacher=None,
        seed=0,
        progress=toy_desk.hear_nothing,
    )
    return folder


def encoder(folder: Path, *, name: str = "encoder") -> Path:
    """Returns the folder of an encoder rung of chance weights, with a head for the toy desk."""
    folder.mkdir(parents=True)
    HeadMethod(tiny.embedder(folder.with_name("body"))).apply(
        Candidate(name=name, kind="encoder", method="head"),
        toy_desk.rows(),
        out=folder,
        teacher=None,
        seed=0,
        progress=toy_desk.hear_nothing,
    )
    return folder


def bundle(
    run: Path, rungs: dict[str, Path], *, threshold: float | None = 0.6, has_reference: bool = True
) -> Path:
    """Returns the run folder after writing its bundle; the reference is last where there is a threshold."""
    names = [*rungs, REFERENCE] if has_reference and threshold is not None else [*rungs]
    tiers = [Tier(model=name, threshold=threshold) for name in names[:-1]]
    cascade = Cascade(name=" -> ".join(names), tiers=(*tiers, Tier(model=names[-1])))
    run.mkdir(parents=True, exist_ok=True)
    spec = spec_of(TASK, base=run, file="task.yaml")
    write_bundle(
        run / statement.BUNDLE, cascade, rungs, spec=spec, rule="gate_or_confidence", reads_chats=False
    )
    return run


def certify(run: Path, *, keys: Path | None = None, seed: int = 0) -> Path:
    """Returns the run folder after signing a made-up certificate about its bundle's very bytes."""
    certificate = Certificate(
        task="desk",
        chosen="linear -> reference",
        statement="linear -> reference has accuracy at least 0.8; the search errs with probability 0.05.",
        target="absolute",
        metric="accuracy",
        threshold=0.8,
        alpha=0.05,
        alpha_spent=0.05,
        look=1,
        order="descending",
        tests=(),
        n=200,
        labels=200,
        calls=200,
        e_value=25.0,
        bound_n=150.0,
        ratio=200 / 150,
        seed=seed,
        issued_at="2026-11-22T07:00:00+00:00",
    )
    payload = statement.statement_bytes(certificate, run / statement.BUNDLE)
    (run / statement.FILE).write_bytes(payload)
    signer = keys_in(home() / "keys" if keys is None else keys)
    (run / statement.ENVELOPE).write_text(sign(payload, signer))
    return run


def call(text: str, *, key_id: str = "ann", number: int = 0, **more: object) -> Call:
    """Returns a chat call of one user's turn."""
    body = {"model": "desk", "messages": [{"role": "user", "content": text}]}
    fields: dict[str, object] = {
        "id": f"call-{number}",
        "operation": Operation.CHAT,
        "model": "desk",
        "route": "desk",
        "caller": Caller(key_id=key_id),
        "body": body,
        "request": Request(text=text),
    }
    return Call(**{**fields, **more})  # type: ignore[arg-type]


def directly(model: object, texts: list[str]) -> list[tuple[str | None, float | None]]:
    """Returns what a model says to each text when it is asked for that one alone."""
    with asyncio.Runner() as runner:
        answers = [runner.run(model.answer([Request(text=text)]))[0] for text in texts]  # type: ignore[attr-defined]
    return [(answer.text, answer.confidence) for answer in answers]
