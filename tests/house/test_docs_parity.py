"""What can be used is documented, and what is documented can be used."""

import dataclasses
import re
from pathlib import Path

import suffice
from suffice import errors
from suffice.adapt.registry import METHODS
from suffice.certificate import Certificate, HypothesisRecord
from suffice.certify.evidence import _CLAIMS
from suffice.cli.main import cli
from suffice.extras import EXTRAS
from suffice.models.registry import KINDS
from suffice.models.trust import RULES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONCEPTS = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
CERTIFICATE = (ROOT / "docs" / "certificate.md").read_text(encoding="utf-8")
EXTENDING = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")


def first_column(text, title):
    """Returns the names in the first column of the table whose first header is `title`."""
    _, _, table = text.partition(f"| {title} |")
    assert table, f"no table with the first header {title!r}"
    return set(re.findall(r"^\| `([^`]+)`", table.partition("\n\n")[0], re.MULTILINE))


def test_every_command_and_option_is_documented():
    """Each command is in the README and in docs/cli.md, with all its options."""
    for name, command in cli.commands.items():
        assert re.search(rf"suffice {name}\b", README), name
        _, _, section = CLI.partition(f"## suffice {name}\n")
        section = section.partition("\n## ")[0]
        options = [
            option for parameter in command.params for option in parameter.opts if option.startswith("-")
        ]
        assert [] == [option for option in options if option not in section], name


def test_every_exit_code_is_documented():
    """The README's table of exit codes has exactly the codes there are."""
    _, _, table = README.partition("| code |")
    assert ["0", "1", "2", "3", "130"] == re.findall(
        r"^\| (\d+) \|", table.partition("\n\n")[0], re.MULTILINE
    )


def test_every_error_class_is_documented():
    """The table of errors in docs/extending.md names each class, and no other."""
    classes = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert classes == first_column(EXTENDING, "error")


def test_every_kind_of_model_is_documented():
    """The table of kinds in docs/concepts.md is the registry."""
    assert set(KINDS) == first_column(CONCEPTS, "kind")


def test_every_method_is_documented():
    """The table of methods in docs/concepts.md is the registry."""
    assert set(METHODS) == first_column(CONCEPTS, "method")


def test_every_trust_rule_is_documented():
    """The table of trust rules in docs/concepts.md is the registry."""
    assert set(RULES) == first_column(CONCEPTS, "rule")


def test_every_extra_is_documented():
    """The README says what each extra adds."""
    assert set(EXTRAS) == first_column(README, "extra")


def test_every_public_name_is_documented():
    """The README shows each public name of the package."""
    assert [] == [name for name in suffice.__all__ if f"suffice.{name}" not in README]


def test_every_dependency_has_its_reason():
    """The README's table of dependencies is pyproject's list."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = text.partition("\ndependencies = [")[2].partition("]")[0]
    names = {re.split(r"[<>=]", name)[0] for name in re.findall(r'"([^"]+)"', listed)}
    assert names == first_column(README, "package")


def test_every_variable_is_documented():
    """Each environment variable the package reads is in the README."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")]
    variables = {name for source in sources for name in re.findall(r'"(SUFFICE_[A-Z]+)"', source)}
    assert [] == sorted(name for name in variables if f"`{name}`" not in README)


def test_every_field_of_a_certificate_is_documented():
    """docs/certificate.md names each field of the predicate and of its tests."""
    names = {field.name for kind in (Certificate, HypothesisRecord) for field in dataclasses.fields(kind)}
    assert [] == sorted(name for name in names if f"`{name}`" not in CERTIFICATE)


def test_every_kind_of_claim_is_documented():
    """docs/certificate.md says what the values of each kind of claim are."""
    assert set(_CLAIMS) == first_column(CERTIFICATE, "`claim.kind`")
