"""docs/site-file.md and the schema name the same keys, and the examples are valid site files."""

import dataclasses
import re
from pathlib import Path

import pytest
import yaml

from suffice.readers.schema_keys import every_key
from suffice.serve.privacy.settings import PrivacySettings
from suffice.serve.site.read import site_from_values, site_of
from suffice.serve.site.schema import SiteFile
from suffice.serve.site.site import Audit, ServerLimits

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "site-file.md").read_text()


def keys_of_table(title: str) -> dict[str, str]:
    """Returns the key column of the table with this title, with the default column."""
    _, _, table = PAGE.partition(f"| {title} | type | default | meaning |\n")
    rows = re.findall(r"^\| `([^`]+)` \|[^|]*\|([^|]*)\|", table.partition("\n\n")[0], re.MULTILINE)
    return {key: default.strip() for key, default in rows}


def test_every_key_is_documented_and_every_documented_key_exists() -> None:
    """Both ways."""
    assert sorted(every_key(SiteFile)) == sorted(keys_of_table("key"))
    settings = {field.name for field in dataclasses.fields(PrivacySettings)}
    assert settings == set(keys_of_table("key of privacy"))


def test_the_documented_defaults_are_the_schemas() -> None:
    """A key that must be given is marked so; a number or word in the default column is the default."""
    documented = keys_of_table("key")
    for key, field in every_key(SiteFile).items():
        default = documented[key].strip("`")
        assert field.is_required() == (default == "must"), key
        if re.fullmatch(r"[0-9.]+", default):
            assert float(default) == field.default, key
        elif isinstance(field.default, bool):
            assert default == str(field.default).lower(), key
        elif isinstance(field.default, str):
            assert field.default == default, key


def test_the_files_defaults_are_the_sites() -> None:
    """What is left out of a file is what a run folder is served with."""
    keys = SiteFile.model_validate({"suffice": 1, "models": {"m": {"tiers": ["t"]}}})
    assert Audit() == Audit(**keys.audit.model_dump())
    assert ServerLimits() == ServerLimits(**keys.limits.model_dump())


def test_the_example_on_the_page_is_valid(tmp_path: Path) -> None:
    """The page's block of YAML is read without complaint."""
    block = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    (tmp_path / "runs" / "tickets").mkdir(parents=True)
    site = site_from_values(yaml.safe_load(block.group(1)), base=tmp_path)
    assert ["tickets", "chat"] == list(site.routes)


@pytest.mark.parametrize("name", ["site.yaml"])
def test_the_example_file_is_valid(tmp_path: Path, name: str) -> None:
    """Beside the demo's runs the example is read without complaint."""
    for run in ("tickets", "urgency"):
        (tmp_path / "runs" / "demo" / run).mkdir(parents=True)
    (tmp_path / "examples").mkdir()
    path = tmp_path / "examples" / name
    path.write_text((ROOT / "examples" / name).read_text())
    assert ("tickets", "urgency", "nearby", "big", "people") == site_of(path).tier_names
