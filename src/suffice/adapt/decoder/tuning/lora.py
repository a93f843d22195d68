"""The method `lora`: low-rank additions to a base decoder, trained, merged, exported to GGUF and sealed."""

import json
from pathlib import Path
from typing import Any

from suffice import extras, files
from suffice.adapt.decoder import settings
from suffice.adapt.decoder.tuning import tune
from suffice.adapt.decoder.tuning.base_model import BaseModel
from suffice.candidate import Candidate
from suffice.errors import DataError, SpecError
from suffice.models.transformers import adapter as adapters
from suffice.models.transformers import folder as decoder_folder
from suffice.models.transformers.engine import quiet

_RANK = 16
_EVERYWHERE = "all-linear"
_FEATURE = "LoRA"
ADAPTER = "adapter"


class LoraMethod(tune.FullMethod):
    """Makes a gguf candidate by training low-rank additions to linear layers of a base (Hu et al. 2021).

    W becomes W + alpha / rank * B A, B starting at 0. Settings as for `full`, and `rank` (16), `alpha`
    (twice the rank), `targets` (all-linear, or names of layers with commas), `dropout` (0) and
    `keep_adapter` (also keeps the adapter's own safetensors, in the folder `adapter`). All linear layers
    and ten times the rate of `full`: Schulman et al. 2025, LoRA Without Regret.
    """

    known = tune.FullMethod.known | {"rank", "alpha", "targets", "dropout", "keep_adapter"}
    rate_times = 10.0

    def wrapped(self, base: BaseModel, candidate: Candidate) -> Any:
        """Returns the base with an adapter on it, whose matrices alone are trained.

        Raises:
            SpecError: a rank below 1, a dropout outside [0, 1), or targets that the base does not have.
        """
        peft = extras.require("peft", extra="train", feature=_FEATURE)
        rank = settings.number(candidate, "rank", _RANK)
        dropout = settings.number(candidate, "dropout", 0.0)
        if rank < 1 or not 0 <= dropout < 1:
            raise SpecError(
                f"candidate {candidate.name!r}: the rank is {rank} and the dropout {dropout}; they must be"
                " at least 1, and from 0 to below 1"
            )
        named = str(candidate.setting("targets", _EVERYWHERE))
        targets = [name.strip() for name in named.split(",")]
        config = peft.LoraConfig(
            r=rank,
            lora_alpha=settings.number(candidate, "alpha", 2.0 * rank),
            lora_dropout=dropout,
            target_modules=named if named == _EVERYWHERE else targets,
            task_type="CAUSAL_LM",
        )
        try:
            with quiet(extras.require("transformers", extra="train", feature=_FEATURE)):
                return peft.get_peft_model(base.model, config)
        except ValueError as error:
            raise SpecError(
                f"candidate {candidate.name!r}: the base has no layers named {named!r}",
                hint="targets: all-linear, or names as in the base's tensors, e.g. q_proj,v_proj",
            ) from error

    def whole(self, base: BaseModel, candidate: Candidate, out: Path) -> Any:
        """Returns the base with the adapter merged into its weights, after keeping the adapter where wanted.

        Raises:
            DataError: the merged weights are not numbers any more.
        """
        if candidate.setting("keep_adapter", False):  # noqa: FBT003 - the setting's default
            _keep(base, str(candidate.setting("base", "")), out / ADAPTER)
        try:
            return base.model.merge_and_unload(safe_merge=True)
        except ValueError as error:
            raise DataError(
                f"tuning {candidate.name} failed: its merged weights are not numbers",
                hint="use a lower learning_rate, for example half of it",
            ) from error


def _keep(base: BaseModel, name: str, folder: Path) -> None:
    """Writes the adapter as peft reads it, and checks it against the base as whoever loads it will."""
    from safetensors.torch import save  # noqa: PLC0415 - written only where training runs

    peft = extras.require("peft", extra="train", feature=_FEATURE)
    config = base.model.peft_config["default"].to_dict()
    told = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": Path(name).name,
        "r": config["r"],
        "lora_alpha": config["lora_alpha"],
        "lora_dropout": config["lora_dropout"],
        "target_modules": sorted(config["target_modules"]),
        "fan_in_fan_out": config["fan_in_fan_out"],
        "bias": "none",
        "inference_mode": True,
    }
    tensors = {
        key: value.detach().cpu().contiguous()
        for key, value in peft.get_peft_model_state_dict(base.model).items()
    }
    files.write_bytes(folder / adapters.WEIGHTS, save(tensors, metadata={"format": "pt"}))
    files.write_text(folder / "adapter_config.json", json.dumps(told, indent=2) + "\n")
    adapters.check(folder, decoder_folder.check(base.folder).tensors)
