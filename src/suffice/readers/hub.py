"""Data sets of the Hugging Face hub: `hf:owner/name` or `hf:owner/name:split` (extra `hub`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from suffice import extras
from suffice.errors import DataError, SpecError

PREFIX = "hf:"
# The hub keeps every public data set as Parquet under this revision; no code of the data set is run.
_REVISION = "refs/convert/parquet"


@dataclass(frozen=True, kw_only=True)
class HubName:
    """The parts of `hf:owner/name[:split]`."""

    repository: str
    split: str


def parse_name(written: str) -> HubName:
    """Returns the parts of a hub name; the split is train where none is named.

    Raises:
        SpecError: it is not `hf:owner/name` or `hf:owner/name:split`.
    """
    repository, _, split = written.removeprefix(PREFIX).partition(":")
    owner, _, name = repository.partition("/")
    if not owner or not name or "/" in name or ".." in repository:
        raise SpecError(f"{written!r} names no data set", hint="write hf:owner/name or hf:owner/name:split")
    return HubName(repository=repository, split=split or "train")


def download(written: str, *, offline: bool) -> list[Path]:
    """Returns the local Parquet files of a data set's split, downloading what the cache lacks.

    Raises:
        MissingExtra: huggingface_hub is not installed.
        DataError: offline, no such data set or split, or the network failed.
    """
    hub_name = parse_name(written)
    if offline:
        raise DataError(
            f"{written} would be downloaded, and --offline forbids it",
            hint="download it elsewhere and name the file under 'data'",
        )
    hub = extras.require("huggingface_hub", extra="hub", feature=f"reading {written}")
    errors = extras.require("huggingface_hub.errors", extra="hub", feature=f"reading {written}")
    try:
        names = hub.HfApi().list_repo_files(hub_name.repository, repo_type="dataset", revision=_REVISION)
        chosen = list(_of_split(names, hub_name.split))
        if not chosen:
            splits = sorted({name.split("/")[-2] for name in names if name.count("/") >= 2})
            raise DataError(
                f"{hub_name.repository} has no split {hub_name.split!r}",
                hint=f"it has {', '.join(splits) or 'no Parquet files'}",
            )
        return [
            Path(hub.hf_hub_download(hub_name.repository, name, repo_type="dataset", revision=_REVISION))
            for name in chosen
        ]
    except (errors.HfHubHTTPError, errors.HFValidationError, OSError) as error:
        raise DataError(
            f"cannot read {written} from the hub: {str(error).splitlines()[0]}",
            hint="check the name and the network; private sets need the variable HF_TOKEN",
        ) from error


def _of_split(names: list[str], split: str) -> Iterator[str]:
    """The files are named config/split/0000.parquet; `partial-` marks a cut split."""
    for name in sorted(names):
        parts = name.split("/")
        if name.endswith(".parquet") and len(parts) >= 3 and parts[-2].removeprefix("partial-") == split:
            yield name
