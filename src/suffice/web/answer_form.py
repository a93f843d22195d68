"""The form for a person's answer to one ticket: its task's labels, its schema's fields, or free text."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from suffice.forms import answer_object
from suffice.serve.decide.answer_schema import AnswerSchema, AnswerSchemas
from suffice.serve.errors import BadCall
from suffice.serve.reply import SENT
from suffice.serve.store.records import Ticket
from suffice.web.answer_fields import fields_of, object_of
from suffice.web.sources import SiteFacts, TierFacts

Json = dict[str, Any]

# So many labels are buttons at once; of more the likeliest are, and the others are a list to open.
FEW_LABELS = 12


def schema_for(ticket: Ticket, site: SiteFacts) -> Mapping[str, Any] | None:
    """Returns the schema that an answer must fit: the client's own, else that of the bundle asked before.

    The client's is one only where it asked for JSON by it, and where it can be used: not every call's was
    looked at when it came.
    """
    form = ticket.body.get("response_format")
    wrapped = (
        form.get("json_schema") if isinstance(form, dict) and form.get("type") == "json_schema" else None
    )
    own = wrapped.get("schema") if isinstance(wrapped, dict) else None
    if isinstance(own, dict) and _compiled(own) is not None:
        return own
    return next((tier.answer_schema for tier in _asked(ticket, site) if tier.answer_schema), None)


def form_for(ticket: Ticket, site: SiteFacts, proposal: Mapping[str, Any] | None) -> Json:
    """Returns how the answer is asked for: `kind` labels, fields or text, and what is needed for each.

    `proposal` is what a tier said that was not trusted: it fills in fields, and marks a label.
    """
    schema = schema_for(ticket, site)
    said = None if proposal is None else proposal["text"]
    if schema is not None:
        fields = fields_of(schema, answer_object(said) if said is not None else None)
        return {"kind": "fields" if fields else "text", "fields": fields, "labels": [], "further": []}
    labels = next((tier.labels for tier in _asked(ticket, site) if tier.labels), ())
    shares: dict[str, float] = {} if proposal is None else dict(proposal["probabilities"])
    first = list(labels)
    if len(labels) > FEW_LABELS:
        first = [label for label in labels if label in shares or label == said]
        first.sort(key=lambda label: -shares.get(label, 0.0))

    def shown(label: str) -> Json:
        return {"label": label, "probability": shares.get(label), "is_proposed": label == said}

    return {
        "kind": "labels" if labels else "text",
        "fields": [],
        "labels": [shown(label) for label in first],
        "further": [shown(label) for label in labels if label not in first],
    }


def answer_from(ticket: Ticket, site: SiteFacts, said: Mapping[str, str]) -> str:
    """Returns the answer that a form, or a program, sent: `answer` as it stands, else fields made one object.

    Raises:
        BadCall: a field that is not of its kind; an answer that does not fit the schema.
    """
    schema = schema_for(ticket, site)
    text = said.get("answer", "").replace("\r\n", "\n").strip()
    if not text and schema is not None and any(name.startswith("/") for name in said):
        text = json.dumps(object_of(schema, said), ensure_ascii=False)
    if text and schema is not None and (misfit := _misfit(schema, text)) is not None:
        raise BadCall(misfit, param="answer")
    return text


def _compiled(schema: Mapping[str, Any]) -> AnswerSchema | None:
    """Returns what answers are held against; None where it is no schema, or more than a client's may be."""
    try:
        return AnswerSchemas().of(schema)
    except BadCall:
        return None


def _misfit(schema: Mapping[str, Any], text: str) -> str | None:
    """Returns why an answer does not fit; a bundle's own schema that cannot be compiled checks nothing."""
    compiled = _compiled(schema)
    return None if compiled is None else compiled.misfit(text)


def _asked(ticket: Ticket, site: SiteFacts) -> Sequence[TierFacts]:
    """Returns the tiers that the call was given to before, in their order: what they answer, it asks for."""
    tiers = {tier.name: tier for tier in site.tiers}
    names = [step.tier for step in ticket.steps if step.verdict in SENT]
    return [tiers[name] for name in names if name in tiers]
