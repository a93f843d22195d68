"""The one gate through which optional packages are imported."""

import importlib
import importlib.util
from typing import Any

from suffice.errors import MissingExtra

# What each extra adds, in the words `suffice doctor` shows.
EXTRAS: dict[str, tuple[tuple[str, ...], str]] = {
    "gguf": (("xllamacpp",), "decoders (small language models) in GGUF files"),
    "train": (
        ("torch", "transformers", "peft", "gguf"),
        "training: fine-tuned encoders, and decoders made for the task",
    ),
    "scores": (("rouge_score", "sacrebleu"), "ROUGE-L and chrF for generated text"),
    "hub": (("huggingface_hub",), "data sets and weights from the Hugging Face hub"),
    "parquet": (("pyarrow",), "Parquet files"),
    "serve": (
        (
            *("starlette", "uvicorn", "uvloop", "httptools", "orjson", "prometheus_client"),
            *("sqlalchemy", "alembic", "phonenumbers", "stdnum"),
        ),
        "the gateway: `suffice serve`",
    ),
    "postgres": (("psycopg",), "several gateways over one PostgreSQL"),
    "otlp": (("opentelemetry",), "traces sent by OTLP"),
}


def require(module: str, *, extra: str, feature: str) -> Any:
    """Returns the imported module, or says which extra to install for the feature.

    Raises:
        MissingExtra: the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name.split(".")[0]):
            raise
        raise MissingExtra(
            f"{feature} needs the package {error.name!r}, which is not installed",
            hint=install(extra),
        ) from error


def install(extra: str) -> str:
    """Returns what to type, in the project's folder, to install an extra."""
    return f"pip install -c constraints.txt -e '.[{extra}]'"


def is_installed(extra: str) -> bool:
    """Says whether every package of an extra can be imported, without importing it."""
    modules, _ = EXTRAS[extra]
    return all(importlib.util.find_spec(module) is not None for module in modules)
