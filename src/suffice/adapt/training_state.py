"""What a training run needs to go on after a kill: weights, their average, the best one, moments."""

import json
from pathlib import Path
from typing import Any

from suffice import extras, files
from suffice.errors import ArtefactError

Parameters = dict[str, Any]

_TENSORS = "state.safetensors"
_OURS = ("now", "average", "best")


class TrainingState:
    """The state after each epoch, in memory and on disk; the files are replaced as one.

    `average` is the exponential average of the trained parameters (the frozen ones are shared),
    `best` the average of the epoch that did best on dev, by a score of which more is better.
    """

    def __init__(self, folder: Path, parameters: Parameters) -> None:
        self._folder = folder
        self._parameters = parameters
        self._trained = [name for name, value in parameters.items() if value.requires_grad]
        self.average: Parameters = {
            name: value.detach().clone() if value.requires_grad else value
            for name, value in parameters.items()
        }
        self.best: Parameters = dict(self.average)
        self.best_score = float("-inf")
        self.epochs_done = 0
        self.epochs_since_best = 0

    def average_in(self, decay: float) -> None:
        """Moves the average towards the parameters: average = decay * average + (1 - decay) * parameters."""
        average = [self.average[name] for name in self._trained]
        _require_torch()._foreach_lerp_(
            average, [self._parameters[name].detach() for name in self._trained], 1.0 - decay
        )

    def finish_epoch(self, score: float, optimiser: Any) -> None:
        """Counts an epoch, keeps its average where it is the best so far, and writes the state."""
        self.epochs_done += 1
        self.epochs_since_best += 1
        if score >= self.best_score:
            self.best_score, self.epochs_since_best = score, 0
            self.best = {name: value.clone() for name, value in self.average.items()}
        self._save(optimiser)

    def restore(self, optimiser: Any) -> None:
        """Reads the state of an earlier run into parameters and optimiser; does nothing where there is none.

        Raises:
            ArtefactError: the state is damaged.
        """
        path = self._folder / _TENSORS
        if not path.is_file():
            return
        from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - read only where a run goes on

        torch = _require_torch()
        moments: dict[str, dict[str, Any]] = {}
        try:
            with safe_open(path, "pt") as file:
                facts = json.loads(file.metadata()["facts"])
                for key in file.keys():  # noqa: SIM118 - not a mapping
                    part, name = key.split("/", 1)
                    moments.setdefault(part, {})[name] = file.get_tensor(key)
            with torch.no_grad():
                for name in self._trained:
                    self._parameters[name].copy_(moments["now"][name])
                    self.average[name].copy_(moments["average"][name])
                    self.best[name] = moments["best"][name].to(self._parameters[name].device)
                    self._restore_moments(name, moments, optimiser)
            self.epochs_done, self.epochs_since_best = int(facts["epochs"]), int(facts["since_best"])
            self.best_score = float(facts["score"])
        except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise ArtefactError(
                f"{path}: the training state is damaged: {error!r}",
                hint=f"remove {self._folder} to start again",
            ) from error

    def _restore_moments(self, name: str, moments: dict[str, dict[str, Any]], optimiser: Any) -> None:
        value = self._parameters[name]
        optimiser.state[value] = {
            kind: kept[name].to(value.device)
            for kind, kept in moments.items()
            if kind not in _OURS and name in kept
        }

    def _save(self, optimiser: Any) -> None:
        from safetensors.torch import save  # noqa: PLC0415 - written only where training runs

        tensors: dict[str, Any] = {}
        for name in self._trained:
            value = self._parameters[name]
            kept = {"now": value, "average": self.average[name], "best": self.best[name]}
            kept |= optimiser.state[value]
            tensors |= {f"{kind}/{name}": moment for kind, moment in kept.items()}
        facts = {
            "epochs": self.epochs_done,
            "since_best": self.epochs_since_best,
            "score": self.best_score,
        }
        plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        files.write_bytes(self._folder / _TENSORS, save(plain, metadata={"facts": json.dumps(facts)}))


def _require_torch() -> Any:
    return extras.require("torch", extra="train", feature="training")
