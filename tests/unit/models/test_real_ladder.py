"""Thirty-one real models' recorded answers to real questions, read as models."""

import asyncio
import csv
import os
from pathlib import Path

import pytest

from suffice.measure import quality
from suffice.models.recorded import RecordedModel
from suffice.score.classify import LabelScorer
from suffice.task import Sample

FOLDER = Path(os.environ.get("SUFFICE_DATA", "../shared/data")) / "mmlu_pro_outcomes"


@pytest.mark.real_data
@pytest.mark.slow
def test_recorded_outcomes_are_reproduced_model_by_model() -> None:
    """Each model's share of right letters is the file's own, and what it was not asked does not count."""
    if not (FOLDER / "preds.csv").exists():
        pytest.skip("the folder mmlu_pro_outcomes is not in SUFFICE_DATA")
    with (
        (FOLDER / "preds.csv").open(newline="") as preds,
        (FOLDER / "correct.csv").open(newline="") as correct,
    ):
        said = [row for row in csv.DictReader(preds) if row["category"] == "law"]
        right = [row for row in csv.DictReader(correct) if row["category"] == "law"]
    models = [name for name in said[0] if name not in {"question_id", "category", "answer"}]
    assert 31 == len(models)
    samples = [
        Sample(
            key=row["question_id"],
            text=row["question_id"],
            target=row["answer"],
            recorded={model: row[model] or None for model in models},
        )
        for row in said
    ]
    for model in models:
        asked = [sample for sample in samples if sample.recorded[model] is not None]
        recorded = RecordedModel.from_samples(model, samples)
        found = asyncio.run(quality.measure(recorded, asked, LabelScorer()))
        truth = [float(row[model]) for row in right if row[model] != ""]
        assert found.measurement.value is not None
        assert len(asked) == found.measurement.n
        assert found.measurement.value == pytest.approx(sum(truth) / len(truth), abs=0.02)
