"""The price book: a dated, editable file of what machines and models cost."""

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from suffice.errors import SpecError
from suffice.models.http.spend import Price

HOURS_PER_MONTH = 730.0
HOURS_PER_YEAR = 8760.0

DEFAULT_MACHINE = "cloud-2-cores"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a machine costs: rented by the hour, or bought, worn out and powered."""

    usd_per_hour: float | None = None
    purchase_usd: float | None = None
    lifetime_years: float | None = None
    watts: float | None = None
    usd_per_kwh: float | None = None
    utilisation: float
    as_of: str
    source: str

    def __post_init__(self) -> None:
        bought = (self.purchase_usd, self.lifetime_years, self.watts, self.usd_per_kwh)
        if self.usd_per_hour is None and any(value is None for value in bought):
            raise SpecError(
                "a machine has usd_per_hour, or all of purchase_usd, lifetime_years, watts and usd_per_kwh"
            )
        if self.usd_per_hour is not None and any(value is not None for value in bought):
            raise SpecError("a machine is rented (usd_per_hour) or bought (purchase_usd ...), not both")
        if not 0.0 < self.utilisation <= 1.0:
            raise SpecError(f"utilisation must lie above 0 and at most at 1, not {self.utilisation!r}")
        if self.lifetime_years == 0:
            raise SpecError("lifetime_years must lie above 0")

    @property
    def hourly_usd(self) -> float:
        """Returns what an hour costs, whether it is used or not: rent, or wear and power."""
        if self.usd_per_hour is not None:
            return self.usd_per_hour
        purchase, years = self.purchase_usd or 0.0, self.lifetime_years or 1.0
        return purchase / (years * HOURS_PER_YEAR) + (self.watts or 0.0) / 1e3 * (self.usd_per_kwh or 0.0)


@dataclass(frozen=True, kw_only=True)
class ModelPrice:
    """What a model's tokens cost by list, and where and when that was read."""

    usd_per_1m_input: float
    usd_per_1m_output: float
    as_of: str
    source: str

    @property
    def price(self) -> Price:
        """Returns the two numbers alone."""
        return Price(usd_per_1m_input=self.usd_per_1m_input, usd_per_1m_output=self.usd_per_1m_output)


@dataclass(frozen=True, kw_only=True)
class PriceBook:
    """Machines and models by name."""

    machines: Mapping[str, Machine]
    models: Mapping[str, ModelPrice]

    def machine(self, name: str = DEFAULT_MACHINE) -> Machine:
        """Returns a machine's entry.

        Raises:
            SpecError: there is none of this name; the message lists the others.
        """
        if name not in self.machines:
            raise SpecError(
                f"the price book has no machine {name!r}; it has {', '.join(sorted(self.machines))}",
                hint="add it to a copy of prices.yaml",
            )
        return self.machines[name]


def load(path: Path | None = None) -> PriceBook:
    """Returns the price book of a file, or the one shipped with the package.

    Raises:
        SpecError: the file cannot be read, or an entry has a wrong name, form or number.
    """
    where = str(path) if path is not None else "prices.yaml"
    try:
        shipped = resources.files("suffice.measure").joinpath("prices.yaml")
        text = path.read_text(encoding="utf-8") if path is not None else shipped.read_text(encoding="utf-8")
        content = yaml.safe_load(text)
    except OSError as error:
        raise SpecError(
            f"the price book {where} cannot be read: {error.strerror}", hint="check the path"
        ) from error
    except (ValueError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())
        raise SpecError(f"the price book {where} cannot be read: {problem}") from error
    if not isinstance(content, dict) or content.get("version") != 1:
        raise SpecError(f"the price book {where} must begin with `version: 1`")
    if unknown := sorted(map(str, set(content) - {"version", "machines", "models"})):
        raise SpecError(f"the price book {where} has the unknown key {unknown[0]!r}")
    return PriceBook(
        machines=_entries(Machine, content.get("machines"), f"{where}: machines"),
        models=_entries(ModelPrice, content.get("models"), f"{where}: models"),
    )


def _entries(kind: type[Any], section: Any, where: str) -> dict[str, Any]:
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise SpecError(f"{where} must be a mapping of names to entries")
    return {str(name): _entry(kind, entry, f"{where}.{name}") for name, entry in section.items()}


def _entry(kind: type[Any], entry: Any, where: str) -> Any:
    if not isinstance(entry, dict):
        raise SpecError(f"{where} must be a mapping, not {entry!r}")
    texts = {"as_of", "source"}
    known = [field.name for field in fields(kind)]
    for name, value in entry.items():
        if name not in known:
            raise SpecError(f"{where} has the unknown key {name!r}; known are {', '.join(known)}")
        if name in texts:
            continue
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
            or value < 0
        ):
            raise SpecError(f"{where}.{name} must be a number >= 0, not {value!r}")
    # YAML reads a full date as one; it is kept as it was written.
    as_written = {n: v.isoformat() if isinstance(v, dt.date) else v for n, v in entry.items()}
    try:
        return kind(**{**as_written, **{name: str(as_written[name]) for name in texts if name in as_written}})
    except TypeError as error:
        missing = [name for name in (*sorted(texts), "utilisation") if name in known and name not in entry]
        raise SpecError(f"{where} lacks {', '.join(missing) or 'a price'}") from error
    except SpecError as error:
        raise SpecError(f"{where}: {error.message}") from error
