"""Small real things to hold against the ports: a task of few words, and a BERT of one random layer."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suffice import fingerprint
from suffice.adapt.encoder import quantised_body
from suffice.adapt.encoder.weights import TOKENIZER, EncoderFiles
from suffice.models.embedder import Embedder
from suffice.ports import TrainingRows
from suffice.task import Kind, Sample

LABELS = ("bill", "card", "other")
_WORDS = {
    "bill": ("invoice", "charged", "payment"),
    "card": ("lost", "stolen", "blocked"),
    "other": ("hello", "thanks", "weather"),
}
_FILLERS = ("my", "please", "the", "again", "today")
_WIDTH, _TOKENS = 32, 256


def rows(count: int, *, seed: int) -> list[Sample]:
    """Returns labelled texts of some words, three labels in turn."""
    rng = np.random.default_rng(seed)
    samples = []
    for index in range(count):
        label = LABELS[index % 3]
        words = [*rng.choice(_WORDS[label], size=2), *rng.choice(_FILLERS, size=3)]
        text = f"{' '.join(rng.permutation(words))} {seed}{index}"
        samples.append(Sample(key=fingerprint.of_text(text), text=text, target=label))
    return samples


TRAINING = TrainingRows(
    labels=LABELS, train=rows(90, seed=1), dev=rows(60, seed=2), unlabelled=rows(30, seed=3)
)
SCHEMA = {
    "type": "object",
    "properties": {"kind": {"enum": list(LABELS)}, "name": {"type": "string"}},
    "required": ["kind"],
    "additionalProperties": False,
}


def objects(count: int, *, seed: int) -> list[Sample]:
    """Returns texts with the object that stands in them: what they are about, and often a name."""
    rng = np.random.default_rng(seed)
    samples = []
    for index, row in enumerate(rows(count, seed=seed)):
        target = {"kind": row.target}
        text = row.text
        if index % 4:
            target["name"] = " ".join(rng.choice(("Ada", "Max", "Li", "Noor", "Eve"), size=2))
            text = f"{text} for {target['name']} now"
        samples.append(Sample(key=fingerprint.of_text(text), text=text, target=target))
    return samples


EXTRACTION = TrainingRows(
    labels=(), train=objects(90, seed=1), dev=objects(60, seed=2), kind=Kind.EXTRACT, schema=SCHEMA
)
TEXTS = [sample.text for sample in rows(6, seed=4)]


def embedder(folder: Path) -> Embedder:
    """Returns an encoder of one layer and chance weights, in the very form that is served."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *_FILLERS, *(w for ws in _WORDS.values() for w in ws)]
    folder.mkdir(parents=True)
    (folder / TOKENIZER).write_text(json.dumps(_tokenizer(vocabulary)))
    quantised_body.write_body(
        EncoderFiles(folder=folder),
        folder / "body",
        tensors=_tensors(len(vocabulary)),
        calibration=[[2, 5, 3]],
    )
    return Embedder(folder / "body")


def _tokenizer(vocabulary: list[str]) -> dict[str, object]:
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {word: index for index, word in enumerate(vocabulary)},
            "unk_token": "[UNK]",
        },
    }


def _tensors(words: int) -> dict[str, NDArray[np.float32]]:
    """Returns BERT's tensors under their official names, small and seeded."""
    rng = np.random.default_rng(0)
    sizes = {
        "embeddings.word_embeddings.weight": (words, _WIDTH),
        "embeddings.position_embeddings.weight": (_TOKENS, _WIDTH),
        "embeddings.token_type_embeddings.weight": (2, _WIDTH),
    }
    layer = "encoder.layer.0"
    for name in ("self.query", "self.key", "self.value", "output.dense"):
        sizes |= {
            f"{layer}.attention.{name}.weight": (_WIDTH, _WIDTH),
            f"{layer}.attention.{name}.bias": (_WIDTH,),
        }
    sizes |= {f"{layer}.intermediate.dense.weight": (64, _WIDTH), f"{layer}.intermediate.dense.bias": (64,)}
    sizes |= {f"{layer}.output.dense.weight": (_WIDTH, 64), f"{layer}.output.dense.bias": (_WIDTH,)}
    tensors = {name: rng.normal(0, 0.3, size).astype(np.float32) for name, size in sizes.items()}
    for norm in ("embeddings.LayerNorm", f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"):
        tensors[f"{norm}.weight"] = np.ones(_WIDTH, np.float32)
        tensors[f"{norm}.bias"] = np.zeros(_WIDTH, np.float32)
    return tensors
