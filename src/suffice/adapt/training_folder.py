"""Where the state of a training is kept until its artefact is done."""

from pathlib import Path

from suffice import files, fingerprint
from suffice.candidate import Candidate
from suffice.ledger.home import home
from suffice.ports import TrainingRows


def training_folder(candidate: Candidate, rows: TrainingRows, *, seed: int) -> Path:
    """Returns the folder, under the user's suffice folder, for the state of exactly this training.

    It holds weights, no texts. Whoever trains removes it when the artefact is done.

    Raises:
        OutputError: the folder cannot be made.
    """
    used = [[sample.key, str(sample.target)] for sample in (*rows.train, *rows.dev)]
    name = fingerprint.of_value([candidate.fingerprint, seed, list(rows.labels), used])
    folder = home() / "training" / name[:16]
    with files.writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder
