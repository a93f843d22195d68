"""A small made-up extract task: who is to be paid how much, and what for."""

import numpy as np

from suffice import fingerprint
from suffice.ports import TrainingRows
from suffice.task import Kind, Sample

SCHEMA = {
    "type": "object",
    "properties": {
        "act": {"enum": ["pay", "remind"]},
        "slots": {
            "type": "object",
            "properties": {"who": {"type": "string"}, "what": {"type": "string"}},
        },
    },
    "required": ["act", "slots"],
}
_NAMES = ("Ann", "Bob Stone", "Cy", "Dora Quill", "Eve")
_THINGS = ("rent", "the blue car", "lunch", "two tickets")


def samples(n: int, *, seed: int) -> list[Sample]:
    """Returns n sentences with their frames."""
    draw = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        who, what = str(draw.choice(_NAMES)), str(draw.choice(_THINGS))
        act = "pay" if draw.random() < 0.5 else "remind"
        text = f"pay {who} for {what}" if act == "pay" else f"remind {who} about {what}"
        target = {"act": act, "slots": {"who": who, "what": what}}
        made.append(Sample(key=fingerprint.of_text(text), text=text, target=target))
    return made


def rows(n: int = 120, *, dev: int = 40) -> TrainingRows:
    """Returns train and dev rows of the task."""
    return TrainingRows(
        labels=(), train=samples(n, seed=1), dev=samples(dev, seed=2), kind=Kind.EXTRACT, schema=SCHEMA
    )
