"""Loading a model by the kind its manifest names."""

from pathlib import Path

import pytest

from suffice.errors import ArtefactError
from suffice.models import artefact, registry


def test_unknown_kind_names_the_known_ones(tmp_path: Path) -> None:
    """A foreign kind is refused, and the message lists what can be loaded."""
    artefact.seal(tmp_path, kind="oracle", settings={})
    with pytest.raises(
        ArtefactError, match=r"'oracle'; known are agreement, alarm, cascade, .*openai, recorded, tagger"
    ):
        registry.load(tmp_path)


def test_changed_file_is_refused(tmp_path: Path) -> None:
    """Bytes that changed since sealing are never loaded, whatever the kind."""
    (tmp_path / "answers.jsonl").write_text("")
    artefact.seal(tmp_path, kind="recorded", settings={"name": "x"})
    (tmp_path / "answers.jsonl").write_text("{}")
    with pytest.raises(ArtefactError, match=r"answers\.jsonl does not match"):
        registry.load(tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    """An empty folder is no model's folder."""
    with pytest.raises(ArtefactError, match=r"holds no model\.json"):
        registry.load(tmp_path)
