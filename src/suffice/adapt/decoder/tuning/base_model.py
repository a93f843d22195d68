"""A base decoder for tuning: found, checked, loaded by transformers, and seen by the training loop."""

import os
from functools import cached_property
from pathlib import Path
from typing import Any

from suffice import extras, fingerprint
from suffice.adapt.bfloat16 import has_bfloat16
from suffice.adapt.training_state import Parameters
from suffice.candidate import Candidate
from suffice.errors import ArtefactError, SpecError
from suffice.models import chat_template
from suffice.models.prompt import Part, Prompt
from suffice.models.transformers import engine
from suffice.models.transformers import folder as decoder_folder
from suffice.models.transformers.vocabulary import Vocabulary

_FEATURE = "tuning a decoder"
_COUNT = {".safetensors", ".json", ".model", ".jinja", ".txt"}
_OF_THE_WEIGHTS = {"config.json", "model.safetensors.index.json"}
_SAID = "\ue0f0said\ue0f1"  # no template writes it
_HUB_FILES = ("*.json", "*.safetensors", "*.model", "*.jinja")


def find(candidate: Candidate) -> Path:
    """Returns the checked folder that the candidate's setting `base` names; with `hub: true` a hub id's copy.

    Raises:
        SpecError: no `base`, or one that is no folder where the hub may not be asked.
        ArtefactError: pickled weights, code of its own, damage; or the hub has no such model.
        MissingExtra: a hub id needs the extra `hub`.
    """
    base = str(candidate.setting("base", ""))
    if not base:
        raise SpecError(
            f"candidate {candidate.name!r}: {candidate.method} needs the setting 'base'",
            hint="give the folder of a decoder: config.json, model.safetensors, tokenizer.json",
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
        self.folder = folder
        self.vocabulary = Vocabulary(folder)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        model = engine.loaded(folder, None, torch)
        if self.device == "cpu":
            # There torch's fused attention in bfloat16 takes five times as long backwards as the plain one.
            model.set_attn_implementation("eager")
        self.model = model
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
        self.bos, self.eos = str(self._tokenizer.bos_token or ""), str(self._tokenizer.eos_token or "")
        self.context_tokens = int(getattr(self.model.config, "max_position_embeddings", 0) or 2048)
        self.width = int(getattr(self.model.config, "hidden_size", 0) or 2048)
        if self.vocabulary.end is None:
            raise ArtefactError(f"the tokenizer of {folder} names no end token (eos_token)")
        self.end_id = int(self.vocabulary.end)
        self.pad_id = self.end_id  # what fills a batch is never learnt, and no token before it sees it
        self._autocast = has_bfloat16(torch, self.device)

    @property
    def model(self) -> Any:
        """Returns the model, with adapters on it where some were put there."""
        return self._model

    @model.setter
    def model(self, value: Any) -> None:
        self._model = value.to(self.device)
        self._trained = {name: one for name, one in value.named_parameters() if one.requires_grad}

    @property
    def trained(self) -> Parameters:
        """Returns the parameters that are trained, by name."""
        return self._trained

    @cached_property
    def sha256(self) -> str:
        """Returns one hash of the folder's weights, configuration and tokenizer."""
        found = (path for path in self.folder.iterdir() if path.suffix in _COUNT)
        return fingerprint.of_value({path.name: fingerprint.of_file(path) for path in found})

    def answer_end(self, prompt: Prompt) -> int:
        """Returns the token a learnt answer ends with.

        It is the one its chat template ends a turn with, where serving stops at that; else the text's end.
        """
        if prompt.style == "plain":
            return self.end_id
        turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _SAID}]
        template = chat_template.CHATML if prompt.chat_template is None else prompt.chat_template
        after = chat_template.render(template, turns, bos=prompt.bos, eos=prompt.eos).partition(_SAID)[2]
        tokens = self.tokenize(after.lstrip(), True)[:1]  # noqa: FBT003 - markup
        named = self.model.generation_config.eos_token_id
        stops = {self.end_id, *(named if isinstance(named, list) else [named])}
        return tokens[0] if tokens and tokens[0] in stops else self.end_id

    def tokenize(self, text: str, is_markup: bool) -> list[int]:  # noqa: FBT001 - the two kinds of text
        """Returns a text's tokens; in markup control tokens count."""
        return self.vocabulary.tokenize([Part(text=text, is_markup=is_markup)], is_start=False)

    def logits(self, parameters: Parameters, ids: Any, wanted: Any) -> Any:
        """Returns (n, vocabulary) logits of the n tokens that `wanted` marks; none may be a row's first."""
        torch = extras.require("torch", extra="train", feature=_FEATURE)
        first = int(wanted.any(dim=0).nonzero()[0])
        # Logits of a whole vocabulary are dear: only those from the first wanted token on are made.
        asked = {"input_ids": ids, "use_cache": False, "logits_to_keep": ids.shape[1] - first + 1}
        self.model.train(torch.is_grad_enabled())  # dropout is for training alone
        with torch.autocast(self.device, torch.bfloat16, enabled=self._autocast):
            if parameters is self._trained:
                said = self.model(**asked)
            else:
                said = torch.func.functional_call(self.model, parameters, (), asked)
        return said.logits[:, :-1][wanted[:, first:]]

    def take(self, parameters: Parameters) -> None:
        """Makes these the model's parameters."""
        torch = extras.require("torch", extra="train", feature=_FEATURE)
        with torch.no_grad():
            own = dict(self.model.named_parameters())
            for name, value in parameters.items():
                own[name].copy_(value)
        self.model.eval()

    def save(self, folder: Path) -> None:
        """Writes weights and configuration as transformers reads them, and copies the base's tokenizer."""
        transformers = extras.require("transformers", extra="train", feature=_FEATURE)
        self.model.generation_config = transformers.GenerationConfig()  # the base's own file is copied
        with engine.quiet(transformers):
            self.model.save_pretrained(folder)
        for path in self.folder.iterdir():
            if path.suffix in _COUNT - {".safetensors"} and path.name not in _OF_THE_WEIGHTS:
                (folder / path.name).write_bytes(path.read_bytes())


def _from_hub(candidate: Candidate, base: str) -> Path:
    if not candidate.setting("hub", False):  # noqa: FBT003 - the setting's default
        raise SpecError(
            f"candidate {candidate.name!r}: the base {base!r} is no folder",
            hint="to take a model from the Hugging Face hub, add 'hub: true'",
        )
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
