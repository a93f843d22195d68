"""Data sets of the hub: which files are taken, and what each failure is told."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from suffice.errors import DataError, MissingExtra
from suffice.readers import hub

FILES = ["default/train/0000.parquet", "default/train/0001.parquet", "default/test/0000.parquet", "README.md"]


class HubError(Exception):
    """Stands for the hub's own errors."""


def a_hub(asked: list[tuple[str, str, str, str]], *, fails: bool = False) -> dict[str, ModuleType]:
    """Returns a stand-in for the hub's package, which notes what it was asked for."""

    class Api:
        def list_repo_files(self, repository: str, *, repo_type: str, revision: str) -> list[str]:
            if fails:
                raise HubError("404 Client Error\nmore lines")
            asked.append((repository, "", repo_type, revision))
            return FILES

    def hf_hub_download(repository: str, name: str, *, repo_type: str, revision: str) -> str:
        asked.append((repository, name, repo_type, revision))
        return f"/cache/{name}"

    package, errors = ModuleType("huggingface_hub"), ModuleType("huggingface_hub.errors")
    package.__dict__.update(HfApi=Api, hf_hub_download=hf_hub_download)
    errors.__dict__.update(HfHubHTTPError=HubError, HFValidationError=HubError)
    return {"huggingface_hub": package, "huggingface_hub.errors": errors}


def test_a_splits_files_are_downloaded_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parquet of the named split alone, from the converted revision: no code of the data set is run."""
    asked: list[tuple[str, str, str, str]] = []
    for name, module in a_hub(asked).items():
        monkeypatch.setitem(sys.modules, name, module)
    paths = hub.download("hf:owner/name", offline=False)
    assert [Path("/cache/default/train/0000.parquet"), Path("/cache/default/train/0001.parquet")] == paths
    assert {("dataset", "refs/convert/parquet")} == {(kind, revision) for _, _, kind, revision in asked}
    with pytest.raises(DataError, match="no split 'dev'") as caught:
        hub.download("hf:owner/name:dev", offline=False)
    assert "it has test, train" == caught.value.hint


def test_the_hubs_errors_are_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback of a foreign package reaches the user."""
    for name, module in a_hub([], fails=True).items():
        monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(DataError, match=r"cannot read hf:owner/name from the hub: 404 Client Error$"):
        hub.download("hf:owner/name", offline=False)


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the hub needs the extra `hub`."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match="'huggingface_hub', which is not installed"):
        hub.download("hf:owner/name", offline=False)
