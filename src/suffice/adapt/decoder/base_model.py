"""A base decoder for tuning: found, checked, loaded by transformers, and seen by the training loop."""

import os
from pathlib import Path
from typing import Any

from suffice import extras
from suffice.adapt.decoder.tiny_net import has_bfloat16
from suffice.adapt.training_state import Parameters
from suffice.candidate import Candidate
from suffice.errors import ArtefactError, SpecError
from suffice.models.prompt import Part
from suffice.models.transformers import engine
from suffice.models.transformers import folder as decoder_folder
from suffice.models.transformers.vocabulary import Vocabulary

_FEATURE = "tuning a decoder"
_HUB_FILES = ("*.json", "*.safetensors", "*.model", "*.jinja")


def find(candidate: Candidate) -> Path:
    """Returns the checked folder that the candidate's setting `base` names: a local one, or a hub id's copy.

    Raises:
        SpecError: no `base`, or one that is no folder where the hub may not be asked.
        ArtefactError: pickled weights, code of its own, damage; or the hub has no such model.
        MissingExtra: a hub id needs the extra `hub`.
    """
    base = str(candidate.setting("base", ""))
    if not base:
        raise SpecError(
            f"candidate {candidate.name!r}: {candidate.method} needs the setting 'base'",
            hint="give the folder of a decoder (config.json, model.safetensors, tokenizer.json) or a hub id",
        )
    place = Path(base).expanduser()
    if not place.is_dir():
        place = _from_hub(candidate, base)
    return decoder_folder.check(place).path


class BaseModel:
    """A decoder of transformers with its tokenizer; runs no code of the folder's."""

    def __init__(self, folder: Path) -> None:
        """Loads weights and tokenizer, in single precision, on the GPU where there is one.

        Raises:
            ArtefactError: the folder cannot be loaded.
            MissingExtra: torch or transformers is not installed.
        """
        torch = extras.require("torch", extra="train", feature=_FEATURE)
        transformers = extras.require("transformers", extra="train", feature=_FEATURE)
        self.vocabulary = Vocabulary(folder)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model: Any = engine.loaded(folder, None, torch).to(self.device)
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
        self.bos, self.eos = str(self._tokenizer.bos_token or ""), str(self._tokenizer.eos_token or "")
        self.context_tokens = int(getattr(self.model.config, "max_position_embeddings", 0) or 2048)
        if self.vocabulary.end is None:
            raise ArtefactError(f"the tokenizer of {folder} names no end token (eos_token)")
        self.end_id = int(self.vocabulary.end)
        self.pad_id = self.end_id  # what fills a batch is never learnt, and no token before it sees it
        self._autocast = has_bfloat16(torch, self.device)

    @property
    def trained(self) -> Parameters:
        """Returns the parameters that are trained, by name."""
        return {name: value for name, value in self.model.named_parameters() if value.requires_grad}

    def tokenize(self, text: str, is_markup: bool) -> list[int]:  # noqa: FBT001 - the two kinds of text
        """Returns a text's tokens; in markup control tokens count."""
        return self.vocabulary.tokenize([Part(text=text, is_markup=is_markup)], is_start=False)

    def logits(self, parameters: Parameters, ids: Any, wanted: Any) -> Any:
        """Returns (n, vocabulary) logits of the n tokens that `wanted` marks; none may be a row's first."""
        torch = extras.require("torch", extra="train", feature=_FEATURE)
        with torch.autocast(self.device, torch.bfloat16, enabled=self._autocast):
            said = torch.func.functional_call(
                self.model, parameters, (), {"input_ids": ids, "use_cache": False}
            )
        return said.logits[:, :-1][wanted[:, 1:]]

    def take(self, parameters: Parameters) -> None:
        """Makes these the model's parameters."""
        torch = extras.require("torch", extra="train", feature=_FEATURE)
        with torch.no_grad():
            own = dict(self.model.named_parameters())
            for name, value in parameters.items():
                own[name].copy_(value)

    def save(self, folder: Path) -> None:
        """Writes weights, configuration and tokenizer as transformers reads them."""
        transformers = extras.require("transformers", extra="train", feature=_FEATURE)
        with engine.quiet(transformers):
            self.model.save_pretrained(folder)
        self._tokenizer.save_pretrained(folder)


def _from_hub(candidate: Candidate, base: str) -> Path:
    if base.count("/") != 1 or base.startswith((".", "/", "~")):
        raise SpecError(f"candidate {candidate.name!r}: the base {base!r} is no folder")
    if os.environ.get("SUFFICE_OFFLINE") or os.environ.get("HF_HUB_OFFLINE"):
        raise SpecError(
            f"candidate {candidate.name!r}: the base {base!r} is no folder, and offline the hub is not asked",
            hint="download it elsewhere and give its folder",
        )
    hub = extras.require("huggingface_hub", extra="hub", feature=f"downloading {base}")
    errors = extras.require("huggingface_hub.errors", extra="hub", feature=f"downloading {base}")
    try:
        return Path(hub.snapshot_download(base, allow_patterns=list(_HUB_FILES)))
    except (errors.HfHubHTTPError, errors.HFValidationError, OSError) as error:
        raise ArtefactError(
            f"cannot download {base}: {str(error).splitlines()[0]}",
            hint="check the name and the network; private models need the variable HF_TOKEN",
        ) from error
