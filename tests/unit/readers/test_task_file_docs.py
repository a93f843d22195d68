"""docs/task-file.md and the schema name the same keys, and its example is a valid task file."""

import re
from pathlib import Path

import yaml

from suffice.readers.rungs import RecordedSpec
from suffice.readers.schema_keys import every_key
from suffice.readers.task_file import spec_of

PAGE = (Path(__file__).parents[3] / "docs" / "task-file.md").read_text()


def keys_of_table(title: str) -> dict[str, str]:
    """Returns the key column of the table with this title, with the default column."""
    _, _, table = PAGE.partition(f"| {title} | type | default | meaning |\n")
    rows = re.findall(r"^\| `([^`]+)` \|[^|]*\|([^|]*)\|", table.partition("\n\n")[0], re.MULTILINE)
    return {key: default.strip() for key, default in rows}


def test_every_key_is_documented_and_every_documented_key_exists() -> None:
    """Both ways, in the order of the schema or any other."""
    assert sorted(every_key()) == sorted(keys_of_table("key"))
    assert sorted(RecordedSpec.model_fields) == sorted(keys_of_table("key of a recorded candidate"))


def test_the_documented_defaults_are_the_schemas() -> None:
    """A key that must be given is marked so; a number or word in the default column is the default."""
    documented = keys_of_table("key")
    for key, field in every_key().items():
        default = documented[key].strip("`")
        with_target = default.startswith("with ")
        assert field.is_required() == (default == "must"), key
        if re.fullmatch(r"[0-9.]+", default):
            assert float(default) == field.default, key
        elif isinstance(field.default, str) and not with_target:
            assert str(field.default) == default, key


def test_the_example_is_valid() -> None:
    """The page's first block of YAML is read without complaint."""
    block = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    assert "support-intents" == spec_of(yaml.safe_load(block.group(1)), base=Path()).name
